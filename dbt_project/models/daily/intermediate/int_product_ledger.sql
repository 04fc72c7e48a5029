{%- set sums = {
    'view_count': 'bigint',
    'cart_count': 'bigint',
    'order_count': 'bigint',
    'buyer_count': 'bigint',
    'unit_count': 'bigint',
    'return_unit_count': 'bigint',
    'turnover': 'decimal(18, 2)',
} %}

with product_days as (
    select * from {{ ref('stg_product_days') }}
),

days as (
    select
        product_id,
        {{ day_available_at('received_on') }} as available_at,
        {%- for measure in sums %}
        sum({{ measure }}) as {{ measure }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from product_days
    group by product_id, received_on
),

final as (
    {{ ledger('days', key=['product_id'], sums=sums) }}
)

select * from final
