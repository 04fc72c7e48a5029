{{ config(materialized='view') }}

with campaign_windows as (
    select
        *,
        {{ window_available_at('window_start_at') }} as as_of
    from {{ ref('fct_campaign_windows') }}
),

ledger as (
    select * from {{ ref('int_campaign_window_ledger') }}
),

final as (
    select
        campaign_windows.* exclude (as_of),
        -- As it was known when the window's features became readable.
        {{ growth('turnover', 'ledger', 'before_1h') }} as turnover_1h,
        {{ growth('turnover', 'ledger', 'before_24h') }} as turnover_24h
    from campaign_windows
    asof left join ledger
        on
            campaign_windows.campaign_id = ledger.campaign_id
            and campaign_windows.as_of >= ledger.available_at
    asof left join ledger as before_1h
        on
            campaign_windows.campaign_id = before_1h.campaign_id
            and campaign_windows.as_of - interval '60 minutes' >= before_1h.available_at
    asof left join ledger as before_24h
        on
            campaign_windows.campaign_id = before_24h.campaign_id
            and campaign_windows.as_of - interval '1440 minutes' >= before_24h.available_at
)

select * from final
