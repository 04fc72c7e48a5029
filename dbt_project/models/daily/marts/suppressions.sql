{{ config(materialized='view') }}

with suppressions as (
    select * from {{ ref('stg_suppressions') }}
),

final as (
    select
        suppression_id,
        customer_id,
        reason,
        suppressed_at,
        received_at as available_at
    from suppressions
)

select * from final
