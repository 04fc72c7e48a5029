{%- set counts = [
    'impression_count', 'visitor_count', 'view_count', 'cart_count', 'order_count', 'unit_count',
] %}
{%- set key = ['campaign_id', 'window_start_at'] %}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=key,
) }}

with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

ledger as (
    select * from {{ ref('int_campaign_window_ledger') }}
    where campaign_id in (select campaign_id from campaign_windows)
),

together as (
    {{ with_sums_before('campaign_windows', key, counts + ['turnover']) }}
),

-- What was received late belongs to the window in which it happened.
windows as (
    select
        campaign_id,
        window_start_at,
        {%- for measure in counts %}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {%- endfor %}
        cast(sum(turnover) as decimal(18, 2)) as turnover,
        {{ window_available_at('window_start_at') }} as as_of
    from together
    group by campaign_id, window_start_at
),

final as (
    select
        windows.* exclude (as_of),
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
