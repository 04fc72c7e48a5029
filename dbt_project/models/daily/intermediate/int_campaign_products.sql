with campaign_products as (
    select * from {{ ref('stg_campaign_products') }}
),

products as (
    select * from {{ ref('int_products') }}
),

known as (
    select
        campaign_id,
        product_id,
        received_at as available_at,
        price,
        initial_stock_count
    from campaign_products
),

versions as (
    select * from known
    qualify
        row(price, initial_stock_count)
        is distinct from
        lag(row(price, initial_stock_count))
            over (partition by campaign_id, product_id order by available_at)
),

final as (
    select
        versions.*,
        -- Whoever sells above the list price gives no discount.
        greatest(versions.price, coalesce(products.list_price, versions.price)) as list_price
    from versions
    asof left join products
        on
            versions.product_id = products.product_id
            and versions.available_at >= products.available_at
)

select * from final
