with campaigns as (
    select * from {{ ref('stg_intraday_campaigns') }}
),

known as (
    select
        campaign_id,
        received_at as available_at,
        brand,
        sector
    from campaigns
),

final as (
    select * from known
    qualify
        row(brand, sector)
        is distinct from
        lag(row(brand, sector)) over (partition by campaign_id order by available_at)
)

select * from final
