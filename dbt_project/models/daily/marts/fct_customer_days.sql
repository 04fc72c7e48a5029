{%- set measures = [
    'session_count', 'impression_count', 'campaign_view_count', 'product_view_count', 'cart_count',
    'order_count', 'unit_count', 'return_unit_count',
] %}

with user_days as (
    select * from {{ ref('stg_user_days') }}
),

-- What was received late belongs to the day on which it happened.
final as (
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
)

select * from final
