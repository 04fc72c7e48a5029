with orders as (
    select * from {{ ref('stg_orders') }}
),

customers as (
    select * from {{ ref('int_customers') }}
),

campaigns as (
    select * from {{ ref('int_campaigns') }}
),

products as (
    select * from {{ ref('int_products') }}
),

customers_held as (
    {{ held('customers', 'customer_id') }}
),

campaigns_held as (
    {{ held('campaigns', 'campaign_id') }}
),

products_held as (
    {{ held('products', 'product_id') }}
),

final as (
    select
        orders.order_id,
        orders.line_number,
        orders.customer_id,
        coalesce(customers.demographic_cluster, 'unknown') as demographic_cluster,
        orders.product_id,
        orders.campaign_id,
        coalesce(campaigns.brand, 'unknown') as brand,
        coalesce(products.sector, campaigns.sector, 'unknown') as sector,
        coalesce(products.sub_sector, campaigns.sub_sector, 'unknown') as sub_sector,
        orders.unit_count,
        orders.unit_price,
        orders.line_value,
        -- Whoever pays more than the list price gets no discount.
        greatest(
            orders.line_value,
            cast(coalesce(products.list_price, 0) * orders.unit_count as decimal(18, 2))
        ) as list_value,
        orders.channel,
        orders.kind,
        orders.occurred_at,
        orders.received_at,
        orders.received_on
    from orders
    left join customers_held as customers
        on
            orders.customer_id = customers.customer_id
            and orders.received_at >= customers.available_at
            and orders.received_at < customers.replaced_at
    left join campaigns_held as campaigns
        on
            orders.campaign_id = campaigns.campaign_id
            and orders.received_at >= campaigns.available_at
            and orders.received_at < campaigns.replaced_at
    left join products_held as products
        on
            orders.product_id = products.product_id
            and orders.received_at >= products.available_at
            and orders.received_at < products.replaced_at
)

select * from final
