{{ config(materialized='view') }}

with letters as (
    select * from {{ ref('int_letters') }}
),

sales as (
    select * from {{ ref('int_letter_sales') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

on_sale as (
    select * from {{ ref('int_on_sale') }}
),

shown as (
    select
        night,
        unnest(products) as product
    from letters
),

promised as (
    select
        night,
        product['campaign_id'] as campaign_id,
        product['product_id'] as product_id,
        count(*) as letter_count,
        round(sum(product['probability']), 6) as expected_unit_count
    from shown
    group by all
),

sold as (
    select
        night,
        campaign_id,
        product_id,
        sum(unit_count) as unit_count
    from sales
    where is_product_shown
    group by all
),

sold_to_all as (
    select
        {{ utc_day('occurred_at') }} as night,
        campaign_id,
        product_id,
        sum(unit_count) as unit_count
    from order_lines
    where kind = 'sale'
    group by all
),

-- What was left when the night began, or when the sale opened during its day.
stock as (
    select
        promised.night,
        promised.campaign_id,
        promised.product_id,
        first(on_sale.stock_left_count order by on_sale.from_at) as stock_left_count
    from promised
    inner join on_sale
        on
            promised.campaign_id = on_sale.campaign_id
            and promised.product_id = on_sale.product_id
            and on_sale.from_at < {{ midnight('promised.night + 1') }}
            and on_sale.until_at > {{ midnight('promised.night') }}
    group by all
),

final as (
    select
        promised.night,
        promised.campaign_id,
        promised.product_id,
        promised.letter_count,
        promised.expected_unit_count,
        stock.stock_left_count,
        cast(coalesce(sold.unit_count, 0) as bigint) as unit_count,
        cast(coalesce(sold_to_all.unit_count, 0) as bigint) as day_unit_count
    from promised
    left join stock using (night, campaign_id, product_id)
    left join sold using (night, campaign_id, product_id)
    left join sold_to_all using (night, campaign_id, product_id)
)

select * from final
