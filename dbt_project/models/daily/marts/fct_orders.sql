{{ config(materialized='view') }}

with order_lines as (
    select * from {{ ref('int_order_lines') }}
),

final as (
    select * from order_lines
)

select * from final
