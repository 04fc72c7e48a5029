{%- set measures = [
    'session_count', 'impression_count', 'campaign_view_count', 'product_view_count', 'cart_count',
    'unit_count', 'return_unit_count',
] %}

with user_days as (
    select * from {{ ref('stg_user_days') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

-- What was received late belongs to the day on which it happened.
days as (
    select
        customer_id,
        occurred_on,
        {%- for measure in measures %}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {%- endfor %}
        cast(sum(turnover) as decimal(18, 2)) as turnover,
        cast(sum(return_value) as decimal(18, 2)) as return_value
    from user_days
    group by customer_id, occurred_on
),

-- Not a sum over receipts: an order that came in two parts is one.
orders as (
    select
        customer_id,
        {{ utc_day('occurred_at') }} as occurred_on,
        count(distinct order_id) as order_count
    from order_lines
    where kind = 'sale' and customer_id is not null
    group by customer_id, {{ utc_day('occurred_at') }}
),

final as (
    select
        days.*,
        coalesce(orders.order_count, 0) as order_count
    from days
    left join orders using (customer_id, occurred_on)
)

select * from final
