{%- set counts = [
    'session_count', 'impression_count', 'campaign_view_count', 'product_view_count', 'cart_count',
    'order_count', 'unit_count', 'return_unit_count',
] %}
{%- set amounts = ['turnover', 'return_value', 'list_value'] %}

with user_days as (
    select * from {{ ref('stg_user_days') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
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
    where customer_id is not null and kind = 'sale'
    group by customer_id, received_on
),

days as (
    select
        customer_id,
        received_on,
        {%- for measure in counts + ['turnover', 'return_value'] %}
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
        order_days.list_value,
        order_days.first_ordered_at,
        order_days.last_ordered_at
    from days
    left join order_days using (customer_id, received_on)
),

final as (
    select
        customer_id,
        available_at,
        {%- for measure in counts %}
        {{ cumulative(measure, 'customer_id') }},
        {%- endfor %}
        {%- for measure in amounts %}
        {{ cumulative(measure, 'customer_id', 'decimal(18, 2)') }},
        {%- endfor %}
        min(first_ordered_at) over until_now as first_ordered_at,
        max(last_ordered_at) over until_now as last_ordered_at,
        max(last_visited_on) over until_now as last_visited_on
    from together
    window until_now as (partition by customer_id order by available_at rows unbounded preceding)
)

select * from final
