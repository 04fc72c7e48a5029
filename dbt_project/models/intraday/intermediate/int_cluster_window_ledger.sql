{%- set counts = ['view_count', 'order_count', 'unit_count'] %}

with campaign_windows as (
    select * from {{ ref('stg_campaign_windows') }}
),

windows as (
    select
        demographic_cluster,
        {{ window_available_at('received_window_start_at') }} as available_at,
        {%- for measure in counts %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        sum(turnover) as turnover
    from campaign_windows
    group by demographic_cluster, received_window_start_at
),

final as (
    select
        demographic_cluster,
        available_at,
        {%- for measure in counts %}
        {{ cumulative(measure, 'demographic_cluster') }},
        {%- endfor %}
        {{ cumulative('turnover', 'demographic_cluster', 'decimal(18, 2)') }}
    from windows
)

select * from final
