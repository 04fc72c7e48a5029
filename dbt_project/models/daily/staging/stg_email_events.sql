{{ config(materialized='incremental') }}

with source as (
    select * from {{ source('lake', 'email_events') }}
),

final as (
    select
        message_id,
        customer_id,
        kind,
        occurred_at,
        received_at
    from source
    where {{ is_new('received_at') }}
)

select * from final
