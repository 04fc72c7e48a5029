with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

final as (
    select
        '{{ var("source") }}' as source,
        '{{ var("currency") }}' as currency,
        '{{ var("vitrine_version") }}' as vitrine_version,
        min(received_window_start_at) as data_start_at,
        {{ end_at() }} as data_end_at,
        {{ end_at() }} + interval '{{ var("intraday_delay_minutes") }} minutes' as available_at,
        timestamptz '{{ var("start_at") }}' as interval_start_at,
        cast({{ var("intraday_delay_minutes") }} as integer) as intraday_delay_minutes
    from campaign_windows
)

select * from final
