{{ config(materialized='incremental') }}

with source as (
    select * from {{ source('lake', 'email_events') }}
),

received as (
    select
        message_id,
        customer_id,
        kind,
        occurred_at,
        received_at
    from source
    where {{ is_new('received_at') }}
),

known as (
    select
        message_id,
        kind,
        occurred_at,
        received_at
    from received
    {%- if is_incremental() %}
    union all
    select
        message_id,
        kind,
        occurred_at,
        received_at
    from {{ this }}
    {%- endif %}
),

-- Landing compares with the drops of the last hours only, and refuses no such event as late.
repeated as (
    select
        late.message_id,
        late.kind,
        late.occurred_at,
        late.received_at
    from received as late
    inner join known using (message_id, kind, occurred_at)
    where
        late.received_at > late.occurred_at + interval '{{ var("late_after_hours") }} hours'
        and known.received_at < late.received_at
),

final as (
    select * from received
    anti join repeated using (message_id, kind, occurred_at, received_at)
)

select * from final
