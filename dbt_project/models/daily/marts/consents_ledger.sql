{{ config(materialized='view') }}

with consents as (
    select * from {{ ref('stg_consents') }}
),

final as (
    select
        consent_id,
        customer_id,
        purpose,
        is_granted,
        changed_at,
        source,
        received_at as available_at
    from consents
)

select * from final
