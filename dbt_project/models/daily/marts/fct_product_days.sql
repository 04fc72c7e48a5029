{%- set measures = [
    'view_count', 'cart_count', 'order_count', 'buyer_count', 'unit_count', 'return_unit_count',
] %}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['product_id', 'occurred_on'],
) }}

with product_days as (
    select * from {{ ref('stg_product_days') }}
),

together as (
    {{ with_sums_before('product_days', ['product_id', 'occurred_on'], measures + ['turnover']) }}
),

-- What was received late belongs to the day on which it happened.
final as (
    select
        product_id,
        occurred_on,
        {%- for measure in measures %}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {%- endfor %}
        cast(sum(turnover) as decimal(18, 2)) as turnover
    from together
    group by product_id, occurred_on
)

select * from final
