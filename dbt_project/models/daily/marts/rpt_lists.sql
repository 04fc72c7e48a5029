{{ config(materialized='view') }}

with letters as (
    select * from {{ ref('int_letters') }}
),

exclusions as (
    select * from {{ ref('int_list_exclusions') }}
),

on_sale as (
    select * from {{ ref('int_on_sale') }}
),

products as (
    select * from {{ ref('dim_products') }}
),

nights as (
    select
        list_name,
        night
    from letters
    union
    select
        list_name,
        night
    from exclusions
),

sizes as (
    select
        list_name,
        night,
        count(*) as listed_count,
        count(distinct campaign_ids[1]) as first_campaign_count
    from letters
    group by all
),

excluded as (
    select
        list_name,
        night,
        sum(customer_count) as excluded_count,
        sum(customer_count) filter (where exclusion = 'hold_out') as held_out_count
    from exclusions
    group by all
),

shown as (
    select
        list_name,
        night,
        message_id,
        unnest(list_transform(products, lambda p: p['product_id'])) as product_id
    from letters
),

-- The chance that two places of a night show the same product is the sum of squared shares.
by_product as (
    select
        list_name,
        night,
        product_id,
        count(*) as place_count
    from shown
    group by all
),

variety as (
    select
        list_name,
        night,
        count(*) as shown_product_count,
        sum(place_count) as place_count,
        pow(sum(place_count), 2) / sum(pow(place_count, 2)) as effective_product_count
    from by_product
    group by all
),

brands_of_letters as (
    select
        shown.list_name,
        shown.night,
        shown.message_id,
        count(distinct products.brand) / count(*) as brand_ratio
    from shown
    left join products using (product_id)
    group by all
),

diversity as (
    select
        list_name,
        night,
        avg(brand_ratio) as brand_ratio
    from brands_of_letters
    group by all
),

catalogue as (
    select
        nights.list_name,
        nights.night,
        count(distinct on_sale.product_id) as offered_product_count
    from nights
    inner join on_sale
        on
            on_sale.from_at < {{ midnight('nights.night + 1') }}
            and on_sale.until_at > {{ midnight('nights.night') }}
    group by all
),

by_first_campaign as (
    select
        list_name,
        night,
        campaign_ids[1] as campaign_id,
        count(*) as letter_count
    from letters
    where len(campaign_ids) > 0
    group by all
),

top_campaigns as (
    select
        list_name,
        night,
        max(letter_count) as letter_count
    from by_first_campaign
    group by all
),

final as (
    select
        nights.list_name,
        nights.night,
        coalesce(sizes.listed_count, 0) as listed_count,
        cast(coalesce(excluded.excluded_count, 0) as bigint) as excluded_count,
        cast(coalesce(excluded.held_out_count, 0) as bigint) as held_out_count,
        coalesce(variety.shown_product_count, 0) as shown_product_count,
        coalesce(catalogue.offered_product_count, 0) as offered_product_count,
        coalesce(variety.shown_product_count, 0) / nullif(catalogue.offered_product_count, 0)
            as coverage_ratio,
        round(variety.effective_product_count, 6) as effective_product_count,
        round(diversity.brand_ratio, 6) as brand_ratio,
        coalesce(sizes.first_campaign_count, 0) as first_campaign_count,
        top_campaigns.letter_count / nullif(sizes.listed_count, 0) as top_campaign_ratio
    from nights
    left join sizes using (list_name, night)
    left join excluded using (list_name, night)
    left join variety using (list_name, night)
    left join diversity using (list_name, night)
    left join catalogue using (list_name, night)
    left join top_campaigns using (list_name, night)
)

select * from final
