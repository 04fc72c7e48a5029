with ledger as (
    select * from {{ ref('int_shop_window_ledger') }}
),

final as (
    select
        '{{ var("source") }}' as source,
        '{{ var("currency") }}' as currency,
        '{{ var("vitrine_version") }}' as vitrine_version,
        '{{ var("definition_digest") }}' as definition_digest,
        '{{ var("input_digests") }}' as input_digests,
        timestamptz '{{ var("history_start_at") }}' as history_start_at,
        timestamptz '{{ var("exact_from_at") }}' as exact_from_at,
        min(available_at) - {{ window_delay() }} as data_start_at,
        {{ end_at() }} as data_end_at,
        {{ end_at() }} + interval '{{ var("intraday_delay_minutes") }} minutes' as available_at,
        timestamptz '{{ var("start_at") }}' as interval_start_at,
        cast({{ var("intraday_delay_minutes") }} as integer) as intraday_delay_minutes
    from ledger
)

select * from final
