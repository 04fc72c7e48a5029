with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

held as (
    {{ held('campaigns', 'campaign_id') }}
),

placed as (
    select
        held.sector,
        campaign_windows.campaign_id,
        campaign_windows.received_window_start_at,
        campaign_windows.view_count,
        campaign_windows.order_count
    from campaign_windows
    -- As known at the end of the window, whatever else the build knows.
    inner join held
        on
            campaign_windows.campaign_id = held.campaign_id
            and campaign_windows.received_window_start_at + interval '15 minutes'
            > held.available_at
            and campaign_windows.received_window_start_at + interval '15 minutes'
            <= held.replaced_at
),

shop_windows as (
    select
        received_window_start_at,
        sum(order_count) as order_count
    from campaign_windows
    group by received_window_start_at
),

windows as (
    select
        placed.sector,
        {{ window_available_at('placed.received_window_start_at') }} as available_at,
        sum(placed.view_count) as view_count,
        sum(placed.order_count) as order_count,
        any_value(shop_windows.order_count)
        * {{ active_campaign_count('placed.') }} as exposed_order_count
    from placed
    inner join shop_windows using (received_window_start_at)
    group by placed.sector, placed.received_window_start_at
),

final as (
    {{ ledger(
        'windows',
        key=['sector'],
        sums={'view_count': 'bigint', 'order_count': 'bigint', 'exposed_order_count': 'bigint'},
    ) }}
)

select * from final
