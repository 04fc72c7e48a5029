{%- set sums = {'campaign_count': 'bigint', 'product_count': 'bigint', 'unit_count': 'bigint'} %}
{%- for class in channel_classes() | list + seasons() | list + ['discounted', 'bestseller'] %}
{%- do sums.update({class ~ '_unit_count': 'bigint'}) %}
{%- endfor %}

with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where kind = 'sale' and customer_id is not null and {{ is_new('received_at') }}
),

bestsellers as (
    select * from {{ ref('int_bestsellers') }}
),

-- Lines are many and bestsellers few: they meet by equality, week after week.
lines as (
    select
        order_lines.customer_id,
        order_lines.received_on,
        order_lines.campaign_id,
        order_lines.product_id,
        order_lines.unit_count,
        order_lines.occurred_at,
        {{ class_of('order_lines.channel', channel_classes()) }} as channel_class,
        {{ season_of(utc_day('order_lines.occurred_at')) }} as season,
        order_lines.line_value < order_lines.list_value as is_discounted,
        bestsellers.product_id is not null as is_bestseller
    from order_lines
    left join bestsellers
        on
            order_lines.product_id = bestsellers.product_id
            and {{ age_band('order_lines.demographic_cluster') }} = bestsellers.age_band
            and date_trunc('week', order_lines.received_on) - interval '7 days'
            = bestsellers.week_start_on
),

days as (
    select
        customer_id,
        {{ day_available_at('received_on') }} as available_at,
        count(distinct campaign_id) as campaign_count,
        count(distinct product_id) as product_count,
        sum(unit_count) as unit_count,
        {%- for class in channel_classes() %}
        coalesce(sum(unit_count) filter (where channel_class = '{{ class }}'), 0)
            as {{ class }}_unit_count,
        {%- endfor %}
        {%- for name, number in seasons().items() %}
        coalesce(sum(unit_count) filter (where season = {{ number }}), 0)
            as {{ name }}_unit_count,
        {%- endfor %}
        {%- for trait in ['discounted', 'bestseller'] %}
        coalesce(sum(unit_count) filter (where is_{{ trait }}), 0) as {{ trait }}_unit_count,
        {%- endfor %}
        min(occurred_at) as first_ordered_at
    from lines
    group by customer_id, received_on
),

final as (
    {{ ledger('days', key=['customer_id'], sums=sums, firsts=['first_ordered_at']) }}
)

select * from final
