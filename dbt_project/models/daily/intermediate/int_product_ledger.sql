{%- set counts = [
    'view_count', 'cart_count', 'order_count', 'buyer_count', 'unit_count', 'return_unit_count',
] %}

with product_days as (
    select * from {{ ref('stg_product_days') }}
),

days as (
    select
        product_id,
        {{ day_available_at('received_on') }} as available_at,
        {%- for measure in counts %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        sum(turnover) as turnover
    from product_days
    group by product_id, received_on
),

final as (
    select
        product_id,
        available_at,
        {%- for measure in counts %}
        {{ cumulative(measure, 'product_id') }},
        {%- endfor %}
        {{ cumulative('turnover', 'product_id', 'decimal(18, 2)') }}
    from days
)

select * from final
