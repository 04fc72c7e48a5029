{{ config(materialized='incremental') }}

with source as (
    select * from {{ source('lake', 'stock_levels') }}
),

final as (
    select
        product_id,
        location,
        quantity as unit_count,
        occurred_at,
        received_at
    from source
    where {{ is_new('received_at') }}
)

select * from final
