with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

held as (
    {{ held('campaigns', 'campaign_id') }}
),

stock_ledger as (
    select * from {{ ref('int_campaign_stock_ledger') }}
),

stocked as (
    select
        campaign_id,
        min(available_at) as stocked_at
    from stock_ledger
    group by campaign_id
),

windows as (
    select
        held.sector,
        {{ window_available_at('campaign_windows.received_window_start_at') }} as available_at,
        sum(campaign_windows.view_count) as view_count,
        sum(campaign_windows.order_count) as order_count,
        coalesce(sum(campaign_windows.unit_count) filter (
            where stocked.stocked_at < campaign_windows.received_window_start_at
            + interval '15 minutes'
        ), 0) as stocked_unit_count,
        count(distinct campaign_windows.campaign_id) filter (
            where campaign_windows.view_count > 0 or campaign_windows.order_count > 0
        ) as campaign_count,
        max(cast(
            campaign_windows.view_count > 0 or campaign_windows.order_count > 0 as integer
        )) as window_count
    from campaign_windows
    -- As known at the end of the window, whatever else the build knows.
    inner join held
        on
            campaign_windows.campaign_id = held.campaign_id
            and campaign_windows.received_window_start_at + interval '15 minutes'
            > held.available_at
            and campaign_windows.received_window_start_at + interval '15 minutes'
            <= held.replaced_at
    left join stocked on campaign_windows.campaign_id = stocked.campaign_id
    group by all
),

final as (
    {{ ledger(
        'windows',
        key=['sector'],
        sums={
            'view_count': 'bigint',
            'order_count': 'bigint',
            'stocked_unit_count': 'bigint',
            'campaign_count': 'bigint',
            'window_count': 'bigint',
        },
    ) }}
)

select * from final
