with source as (
    select * from {{ source('lake', 'events') }}
),

final as (
    select
        event_id,
        customer_id,
        session_id,
        kind,
        campaign_id,
        product_id,
        occurred_at,
        received_at,
        {{ utc_day('received_at') }} as received_on
    from source
    where {{ is_new('received_at') }}
)

select * from final
