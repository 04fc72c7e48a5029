with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

windows as (
    select
        demographic_cluster, campaign_id,
        {{ window_available_at('received_window_start_at') }} as available_at,
        sum(view_count) as view_count,
        sum(order_count) as order_count,
        sum(unit_count) as unit_count,
        sum(turnover) as turnover
    from campaign_windows
    group by demographic_cluster, campaign_id, received_window_start_at
),

final as (
    {{ ledger(
        'windows',
        key=['demographic_cluster', 'campaign_id'],
        sums={
            'view_count': 'bigint',
            'order_count': 'bigint',
            'unit_count': 'bigint',
            'turnover': 'decimal(18, 2)',
        },
    ) }}
)

select * from final
