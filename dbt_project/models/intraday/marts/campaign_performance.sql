with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

ledger as (
    select * from {{ ref('int_campaign_window_ledger') }}
),

-- What was received late belongs to the window in which it happened.
windows as (
    select
        campaign_id,
        window_start_at,
        cast(sum(impression_count) as bigint) as impression_count,
        cast(sum(visitor_count) as bigint) as visitor_count,
        cast(sum(view_count) as bigint) as view_count,
        cast(sum(cart_count) as bigint) as cart_count,
        cast(sum(order_count) as bigint) as order_count,
        cast(sum(unit_count) as bigint) as unit_count,
        cast(sum(turnover) as decimal(18, 2)) as turnover,
        {{ window_available_at('window_start_at') }} as as_of
    from campaign_windows
    group by campaign_id, window_start_at
),

final as (
    select
        windows.campaign_id,
        windows.window_start_at,
        windows.impression_count,
        windows.visitor_count,
        windows.view_count,
        windows.cart_count,
        windows.order_count,
        windows.unit_count,
        windows.turnover,
        -- As it was known when the window's features became readable.
        {{ growth('turnover', 'ledger', 'before_1h') }} as turnover_1h,
        {{ growth('turnover', 'ledger', 'before_24h') }} as turnover_24h
    from windows
    asof left join ledger
        on windows.campaign_id = ledger.campaign_id and windows.as_of >= ledger.available_at
    asof left join ledger as before_1h
        on
            windows.campaign_id = before_1h.campaign_id
            and windows.as_of - interval '60 minutes' >= before_1h.available_at
    asof left join ledger as before_24h
        on
            windows.campaign_id = before_24h.campaign_id
            and windows.as_of - interval '1440 minutes' >= before_24h.available_at
)

select * from final
