with campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

windows as (
    select * from {{ ref('fct_campaign_windows') }}
),

newest as (
    select * from campaigns
    where opens_at < {{ end_at() }}
    qualify row_number() over (partition by campaign_id order by available_at desc) = 1
),

final as (
    select
        newest.campaign_id,
        newest.brand,
        newest.sector,
        newest.opens_at,
        newest.closes_at,
        max(windows.window_start_at) as last_active_at,
        {%- for measure in ['view_count', 'order_count', 'unit_count'] %}
        cast(coalesce(sum(windows.{{ measure }}), 0) as bigint) as {{ measure }}_24h,
        {%- endfor %}
        cast(coalesce(sum(windows.turnover), 0) as decimal(18, 2)) as turnover_24h
    from newest
    left join windows
        on
            newest.campaign_id = windows.campaign_id
            and windows.window_start_at >= {{ end_at() }} - interval '24 hours'
    where newest.closes_at is null or newest.closes_at > {{ end_at() }}
    group by all
)

select * from final
