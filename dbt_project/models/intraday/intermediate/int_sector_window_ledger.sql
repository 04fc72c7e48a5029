with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

arrived as (
    select
        campaign_windows.*,
        {{ window_available_at('received_window_start_at') }} as available_at
    from campaign_windows
),

windows as (
    select
        campaigns.sector,
        arrived.available_at,
        sum(arrived.view_count) as view_count,
        sum(arrived.order_count) as order_count
    from arrived
    asof inner join campaigns
        on
            arrived.campaign_id = campaigns.campaign_id
            and arrived.available_at >= campaigns.available_at
    group by all
),

final as (
    select
        sector,
        available_at,
        {{ cumulative('view_count', 'sector') }},
        {{ cumulative('order_count', 'sector') }}
    from windows
)

select * from final
