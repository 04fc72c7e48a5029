with campaigns as (
    select * from {{ ref('stg_campaigns') }}
),

-- A permanent campaign opens with the first row about it; of others the newest row holds.
known as (
    select
        campaign_id,
        received_at as available_at,
        brand,
        business_type,
        sector,
        sub_sector,
        country,
        timezone,
        case
            when closes_at is null
                then min(opens_at) over (
                    partition by campaign_id order by received_at rows unbounded preceding
                )
            else opens_at
        end as opens_at,
        closes_at
    from campaigns
),

final as (
    select * from known
    qualify
        row(brand, business_type, sector, sub_sector, country, timezone, opens_at, closes_at)
        is distinct from
        lag(row(brand, business_type, sector, sub_sector, country, timezone, opens_at, closes_at))
            over (partition by campaign_id order by available_at)
)

select * from final
