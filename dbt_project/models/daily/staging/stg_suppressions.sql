{{ config(materialized='incremental') }}

with source as (
    select * from {{ source('lake', 'suppressions') }}
),

final as (
    select
        suppression_id,
        customer_id,
        reason,
        suppressed_at,
        received_at
    from source
    where {{ is_new('received_at') }} and customer_id is not null
)

select * from final
