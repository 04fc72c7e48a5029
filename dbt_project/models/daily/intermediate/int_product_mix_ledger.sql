{%- set sums = {} %}
{%- for class in channel_classes() | list + age_bands().values() | list %}
{%- do sums.update({class ~ '_unit_count': 'bigint'}) %}
{%- endfor %}

with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where kind = 'sale' and {{ is_new('received_at') }}
),

lines as (
    select
        product_id,
        received_on,
        unit_count,
        {{ age_band('demographic_cluster') }} as age_band,
        {{ class_of('channel', channel_classes()) }} as channel_class
    from order_lines
),

days as (
    select
        {%- for class in channel_classes() %}
        coalesce(sum(unit_count) filter (where channel_class = '{{ class }}'), 0)
            as {{ class }}_unit_count,
        {%- endfor %}
        {%- for band, name in age_bands().items() %}
        coalesce(sum(unit_count) filter (where age_band = '{{ band }}'), 0)
            as {{ name }}_unit_count,
        {%- endfor %}
        product_id,
        {{ day_available_at('received_on') }} as available_at
    from lines
    group by product_id, received_on
),

final as (
    {{ ledger('days', key=['product_id'], sums=sums) }}
)

select * from final
