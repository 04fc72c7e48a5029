{%- set description = [
    'brand', 'business_type', 'sector', 'sub_sector', 'country', 'timezone', 'opens_at', 'closes_at',
] | join(', ') %}

with campaigns as (
    select * from {{ ref('stg_campaigns') }}
),

described as (
    select
        campaign_id,
        received_at as available_at,
        brand,
        business_type,
        sector,
        sub_sector,
        country,
        timezone,
        opens_at,
        closes_at
    from campaigns
),

together as (
    {{ with_versions_before('described', ['campaign_id']) }}
),

-- A permanent campaign opens with the first row about it; of others the newest row holds.
known as (
    select
        * replace (
            case
                when closes_at is null
                    then min(opens_at) over (
                        partition by campaign_id order by available_at rows unbounded preceding
                    )
                else opens_at
            end as opens_at
        )
    from together
),

final as (
    select * from known
    qualify {{ changed(description, ['campaign_id']) }}
)

select * from final
