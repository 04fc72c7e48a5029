{{ config(materialized='view') }}

with campaigns as (
    select * from {{ ref('dim_campaigns') }}
),

offers as (
    select * from {{ ref('int_campaign_products') }}
),

newest as (
    select * from offers
    qualify row_number() over (
        partition by campaign_id, product_id order by available_at desc
    ) = 1
),

stock as (
    select
        campaign_id,
        cast(sum(initial_stock_count) as bigint) as stock_count
    from newest
    group by campaign_id
),

final as (
    select
        campaigns.campaign_id,
        campaigns.brand,
        campaigns.sector,
        campaigns.sub_sector,
        campaigns.opens_at,
        campaigns.closes_at,
        stock.stock_count,
        campaigns.unit_count,
        campaigns.unit_count / nullif(stock.stock_count, 0) as sell_through_ratio
    from campaigns
    left join stock using (campaign_id)
)

select * from final
