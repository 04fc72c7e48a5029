{{ config(materialized='incremental') }}

with source as (
    select * from {{ source('lake', 'consents') }}
),

final as (
    select
        consent_id,
        customer_id,
        purpose,
        is_granted,
        changed_at,
        source,
        received_at
    from source
    where {{ is_new('received_at') }}
)

select * from final
