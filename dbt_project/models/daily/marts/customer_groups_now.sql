{{ config(materialized='view') }}

with answers as (
    select * from {{ ref('customer_groups') }}('{{ ref("customers_at_end") }}')
),

final as (
    select
        customer_id,
        is_bestseller_follower,
        is_single_sector,
        is_discount_only,
        is_seasonal
    from answers
)

select * from final
