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

together as (
    {{ with_sums_before('campaign_windows', key, counts + ['turnover']) }}
),

-- What was received late belongs to the window in which it happened.
final as (
    select
        campaign_id,
        window_start_at,
        {%- for measure in counts %}
        cast(sum({{ measure }}) as bigint) as {{ measure }},
        {%- endfor %}
        cast(sum(turnover) as decimal(18, 2)) as turnover
    from together
    group by campaign_id, window_start_at
)

select * from final
