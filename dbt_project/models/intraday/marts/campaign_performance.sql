{%- set look_backs = {'1h': 60, '24h': 1440} %}
{{ config(materialized='view') }}

with campaign_windows as (
    select
        *,
        {{ window_available_at('window_start_at') }} as readable_at
    from {{ ref('fct_campaign_windows') }}
),

ledger as (
    select * from {{ ref('int_campaign_window_ledger') }}
),

final as (
    select
        campaign_windows.* exclude (readable_at),
        -- As it was known when the window's features became readable.
        {{ growth('turnover', 'ledger', 'before_1h') }} as turnover_1h,
        {{ growth('turnover', 'ledger', 'before_24h') }} as turnover_24h
    from campaign_windows
    {{ look_back_joins('campaign_windows', 'ledger', ['campaign_id'], look_backs) }}
)

select * from final
