{%- set description = 'brand, sector, opens_at, closes_at' %}

with campaigns as (
    select * from {{ ref('stg_intraday_campaigns') }}
),

described as (
    select
        campaign_id,
        received_at as available_at,
        brand,
        sector,
        opens_at,
        closes_at
    from campaigns
),

known as (
    {{ with_versions_before('described', ['campaign_id']) }}
),

final as (
    select * from known
    qualify {{ changed(description, ['campaign_id']) }}
)

select * from final
