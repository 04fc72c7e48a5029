{%- set counts = [
    'session_count', 'impression_count', 'campaign_view_count', 'product_view_count', 'cart_count',
    'unit_count', 'return_unit_count', 'order_count',
] %}
{%- set amounts = ['turnover', 'return_value'] %}
{%- set key = ['customer_id', 'occurred_on'] %}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=key,
) }}

with user_days as (
    select * from {{ ref('stg_user_days') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

together as (
    {{ with_sums_before('user_days', key, counts + amounts) }}
),

-- What was received late belongs to the day on which it happened.
days as (
    select
        customer_id,
        occurred_on,
        {%- for measure in counts %}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {%- endfor %}
        {%- for measure in amounts %}
        cast(sum({{ measure }}) as decimal(18, 2)) as {{ measure }},
        {%- endfor %}
        count(*) > 1 as is_received_in_parts
    from together
    group by customer_id, occurred_on
),

parted as (
    select
        customer_id,
        occurred_on
    from days
    where is_received_in_parts
),

first_parted as (
    select {{ midnight('min(occurred_on)') }} as day_start_at from parted
),

-- A sum over receipts counts an order twice that came in two parts.
parted_orders as (
    select
        parted.customer_id,
        parted.occurred_on,
        count(distinct order_lines.order_id) as order_count
    from order_lines
    inner join parted
        on
            order_lines.customer_id = parted.customer_id
            and {{ utc_day('order_lines.occurred_at') }} = parted.occurred_on
    where
        order_lines.kind = 'sale'
        and order_lines.occurred_at >= (from first_parted)
    group by parted.customer_id, parted.occurred_on
),

final as (
    select
        days.* exclude (is_received_in_parts)
        replace (
            if(
                days.is_received_in_parts,
                coalesce(parted_orders.order_count, 0),
                days.order_count
            ) as order_count
        )
    from days
    left join parted_orders using (customer_id, occurred_on)
)

select * from final
