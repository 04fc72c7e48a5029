with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

windows as (
    select
        {{ window_available_at('received_window_start_at') }} as available_at,
        sum(view_count) as view_count,
        sum(order_count) as order_count,
        sum(order_count) * {{ active_campaign_count() }} as exposed_order_count
    from campaign_windows
    group by received_window_start_at
),

final as (
    {{ ledger(
        'windows',
        key=[],
        sums={'view_count': 'bigint', 'order_count': 'bigint', 'exposed_order_count': 'bigint'},
    ) }}
)

select * from final
