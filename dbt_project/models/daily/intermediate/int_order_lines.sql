{%- set keys = {
    'customers': 'customer_id', 'campaigns': 'campaign_id', 'products': 'product_id',
} %}

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

{%- for table, key in keys.items() %}

{{ table }}_held as (
    {{ held(table, key) }}
),
{%- endfor %}

final as (
    select
        orders.order_id,
        orders.line_number,
        orders.customer_id,
        coalesce(customers.demographic_cluster, 'unknown') as demographic_cluster,
        orders.product_id,
        orders.campaign_id,
        coalesce(campaigns.brand, 'unknown') as brand,
        coalesce(campaigns.sector, 'unknown') as sector,
        coalesce(campaigns.sub_sector, 'unknown') as sub_sector,
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
    {%- for table, key in keys.items() %}
    left join {{ table }}_held as {{ table }}
        on
            orders.{{ key }} = {{ table }}.{{ key }}
            and orders.received_at >= {{ table }}.available_at
            and orders.received_at < {{ table }}.replaced_at
    {%- endfor %}
)

select * from final
