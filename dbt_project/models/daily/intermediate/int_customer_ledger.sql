{%- set sums = {
    'session_count': 'bigint',
    'impression_count': 'bigint',
    'campaign_view_count': 'bigint',
    'product_view_count': 'bigint',
    'cart_count': 'bigint',
    'order_count': 'bigint',
    'distinct_order_count': 'bigint',
    'unit_count': 'bigint',
    'return_unit_count': 'bigint',
    'turnover': 'decimal(18, 2)',
    'return_value': 'decimal(18, 2)',
    'list_value': 'decimal(18, 2)',
} %}

with user_days as (
    select * from {{ ref('stg_user_days') }}
),

sale_lines as (
    select * from {{ ref('int_order_lines') }}
    where kind = 'sale' and customer_id is not null
),

order_lines as (
    select * from sale_lines
    where {{ is_new('received_at') }}
),

-- What the day's orders tell beyond the Spark sums.
order_days as (
    select
        customer_id,
        received_on,
        sum(list_value) as list_value,
        min(occurred_at) as first_ordered_at,
        max(occurred_at) as last_ordered_at
    from order_lines
    group by customer_id, received_on
),

-- An order that came in two parts is one, of the day of its first part.
first_parts as (
    select
        customer_id,
        order_id,
        min(received_on) as received_on
    from order_lines
    group by customer_id, order_id
),

parts_before as (
    select
        customer_id,
        order_id
    from sale_lines
    semi join first_parts using (customer_id, order_id)
    where received_at < {{ base_end_at() }}
),

distinct_orders as (
    select
        customer_id,
        received_on,
        count(*) as distinct_order_count
    from first_parts
    anti join parts_before using (customer_id, order_id)
    group by customer_id, received_on
),

days as (
    select
        customer_id,
        received_on,
        {%- for measure in sums if measure not in ['distinct_order_count', 'list_value'] %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        max(occurred_on) filter (where session_count > 0 or order_count > 0) as last_visited_on
    from user_days
    group by customer_id, received_on
),

together as (
    select
        {{ day_available_at('received_on') }} as available_at,
        days.*,
        distinct_orders.distinct_order_count,
        order_days.list_value,
        order_days.first_ordered_at,
        order_days.last_ordered_at
    from days
    left join order_days using (customer_id, received_on)
    left join distinct_orders using (customer_id, received_on)
),

final as (
    {{ ledger(
        'together',
        key=['customer_id'],
        sums=sums,
        firsts=['first_ordered_at'],
        lasts=['last_ordered_at', 'last_visited_on'],
    ) }}
)

select * from final
