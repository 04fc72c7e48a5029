with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

held as (
    {{ held('campaigns', 'campaign_id') }}
),

windows as (
    select
        held.sector,
        {{ window_available_at('campaign_windows.received_window_start_at') }} as available_at,
        sum(campaign_windows.view_count) as view_count,
        sum(campaign_windows.order_count) as order_count
    from campaign_windows
    -- As known at the end of the window, whatever else the build knows.
    inner join held
        on
            campaign_windows.campaign_id = held.campaign_id
            and campaign_windows.received_window_start_at + interval '15 minutes'
            > held.available_at
            and campaign_windows.received_window_start_at + interval '15 minutes'
            <= held.replaced_at
    group by all
),

final as (
    {{ ledger(
        'windows',
        key=['sector'],
        sums={'view_count': 'bigint', 'order_count': 'bigint'},
    ) }}
)

select * from final
