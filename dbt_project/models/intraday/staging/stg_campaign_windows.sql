with source as (
    select * from {{ source('deltas', 'campaign_windows') }}
),

final as (
    select
        campaign_id,
        demographic_cluster,
        window_start_at,
        received_window_start_at,
        impression_count,
        visitor_count,
        view_count,
        cart_count,
        order_count,
        unit_count,
        cast(turnover as decimal(18, 2)) as turnover
    from source
    where
        {{ is_new_window('received_window_start_at') }}
        and received_window_start_at >= timestamptz '{{ var("history_start_at") }}'
)

select * from final
