{%- set counts = [
    'impression_count', 'view_count', 'order_count', 'buyer_count', 'unit_count',
    'return_unit_count',
] %}

with campaign_days as (
    select * from {{ ref('int_campaign_days') }}
),

days as (
    select
        {{ day_available_at('received_on') }} as available_at,
        campaign_days.*
    from campaign_days
),

final as (
    select
        campaign_id,
        available_at,
        {%- for measure in counts %}
        {{ cumulative(measure, 'campaign_id') }},
        {%- endfor %}
        {{ cumulative('turnover', 'campaign_id', 'decimal(18, 2)') }},
        max(last_sold_at) over (
            partition by campaign_id order by available_at rows unbounded preceding
        ) as last_sold_at
    from days
)

select * from final
