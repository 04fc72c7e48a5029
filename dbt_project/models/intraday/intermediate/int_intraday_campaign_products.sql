with campaign_products as (
    select * from {{ ref('stg_intraday_campaign_products') }}
),

described as (
    select
        campaign_id,
        product_id,
        received_at as available_at,
        initial_stock_count
    from campaign_products
),

known as (
    {{ with_versions_before('described', ['campaign_id', 'product_id']) }}
),

final as (
    select * from known
    qualify {{ changed('initial_stock_count', ['campaign_id', 'product_id']) }}
)

select * from final
