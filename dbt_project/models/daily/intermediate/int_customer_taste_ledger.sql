{%- set traits = {'audience_class': audience_classes(), 'colour_class': colour_classes()} %}
{%- set sums = {} %}
{%- for class in audience_classes() | list + colour_classes() | list %}
{%- do sums.update({class ~ '_unit_count': 'bigint'}) %}
{%- endfor %}

with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where kind = 'sale' and customer_id is not null and {{ is_new('received_at') }}
),

products as (
    select * from {{ ref('int_products') }}
),

products_held as (
    {{ held('products', 'product_id') }}
),

versions as (
    select
        product_id,
        available_at,
        replaced_at,
        {{ class_of('colour', colour_classes()) }} as colour_class,
        {{ class_of('audience', audience_classes()) }} as audience_class
    from products_held
),

-- Products have few versions: a join by equality is cheaper than one sorted by time.
lines as (
    select
        order_lines.customer_id,
        order_lines.received_on,
        order_lines.unit_count,
        versions.colour_class,
        versions.audience_class
    from order_lines
    inner join versions
        on
            order_lines.product_id = versions.product_id
            and order_lines.received_at >= versions.available_at
            and order_lines.received_at < versions.replaced_at
    where versions.colour_class != 'other' or versions.audience_class != 'other'
),

days as (
    select
        {%- for trait, classes in traits.items() %}
        {%- for class in classes %}
        coalesce(sum(unit_count) filter (where {{ trait }} = '{{ class }}'), 0)
            as {{ class }}_unit_count,
        {%- endfor %}
        {%- endfor %}
        customer_id,
        {{ day_available_at('received_on') }} as available_at
    from lines
    group by customer_id, received_on
),

final as (
    {{ ledger('days', key=['customer_id'], sums=sums) }}
)

select * from final
