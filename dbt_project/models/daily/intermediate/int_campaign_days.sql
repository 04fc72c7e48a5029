{{ config(materialized='ephemeral') }}

with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where {{ is_new('received_at') }}
),

events as (
    select * from {{ ref('stg_events') }}
),

sold as (
    select
        campaign_id,
        received_on,
        count(distinct order_id) filter (where kind = 'sale') as order_count,
        count(distinct customer_id) filter (where kind = 'sale') as buyer_count,
        coalesce(sum(unit_count) filter (where kind = 'sale'), 0) as unit_count,
        coalesce(sum(line_value) filter (where kind = 'sale'), 0) as turnover,
        coalesce(sum(unit_count) filter (where kind = 'return'), 0) as return_unit_count,
        max(occurred_at) filter (where kind = 'sale') as last_sold_at
    from order_lines
    group by campaign_id, received_on
),

seen as (
    select
        campaign_id,
        received_on,
        count(*) filter (where kind = 'impression') as impression_count,
        count(*) filter (where kind in ('campaign_view', 'product_view')) as view_count
    from events
    where campaign_id is not null
    group by campaign_id, received_on
),

final as (
    select
        campaign_id,
        received_on,
        coalesce(seen.impression_count, 0) as impression_count,
        coalesce(seen.view_count, 0) as view_count,
        coalesce(sold.order_count, 0) as order_count,
        coalesce(sold.buyer_count, 0) as buyer_count,
        cast(coalesce(sold.unit_count, 0) as bigint) as unit_count,
        cast(coalesce(sold.turnover, 0) as decimal(18, 2)) as turnover,
        cast(coalesce(sold.return_unit_count, 0) as bigint) as return_unit_count,
        sold.last_sold_at
    from sold
    full join seen using (campaign_id, received_on)
)

select * from final
