with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

windows as (
    select
        campaign_id,
        {{ window_available_at('received_window_start_at') }} as available_at,
        sum(impression_count) as impression_count,
        sum(visitor_count) as visitor_count,
        sum(view_count) as view_count,
        sum(cart_count) as cart_count,
        sum(order_count) as order_count,
        sum(unit_count) as unit_count,
        sum(turnover) as turnover
    from campaign_windows
    group by campaign_id, received_window_start_at
),

final as (
    {{ ledger(
        'windows',
        key=['campaign_id'],
        sums={
            'impression_count': 'bigint',
            'visitor_count': 'bigint',
            'view_count': 'bigint',
            'cart_count': 'bigint',
            'order_count': 'bigint',
            'unit_count': 'bigint',
            'turnover': 'decimal(18, 2)',
        },
    ) }}
)

select * from final
