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
    where received_at < {{ end_at() }} and customer_id is not null
)

select * from final
