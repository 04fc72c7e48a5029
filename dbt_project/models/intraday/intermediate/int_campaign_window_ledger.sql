{%- set counts = [
    'impression_count', 'visitor_count', 'view_count', 'cart_count', 'order_count', 'unit_count',
] %}

with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

windows as (
    select
        campaign_id,
        {{ window_available_at('received_window_start_at') }} as available_at,
        {%- for measure in counts %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        sum(turnover) as turnover
    from campaign_windows
    group by campaign_id, received_window_start_at
),

final as (
    select
        campaign_id,
        available_at,
        {%- for measure in counts %}
        {{ cumulative(measure, 'campaign_id') }},
        {%- endfor %}
        {{ cumulative('turnover', 'campaign_id', 'decimal(18, 2)') }}
    from windows
)

select * from final
