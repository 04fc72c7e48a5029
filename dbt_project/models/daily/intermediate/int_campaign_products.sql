{%- set description = 'price, initial_stock_count' %}

with campaign_products as (
    select * from {{ ref('stg_campaign_products') }}
),

products as (
    select * from {{ ref('int_products') }}
),

described as (
    select
        campaign_id,
        product_id,
        received_at as available_at,
        price,
        initial_stock_count,
        cast(null as double) as list_price
    from campaign_products
),

known as (
    {{ with_versions_before('described', ['campaign_id', 'product_id']) }}
),

versions as (
    select * from known
    qualify {{ changed(description, ['campaign_id', 'product_id']) }}
),

final as (
    select
        versions.* replace (
            -- Whoever sells above the list price gives no discount.
            greatest(versions.price, coalesce(products.list_price, versions.price)) as list_price
        )
    from versions
    asof left join products
        on
            versions.product_id = products.product_id
            and versions.available_at >= products.available_at
)

select * from final
