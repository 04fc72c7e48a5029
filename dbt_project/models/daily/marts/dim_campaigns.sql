with campaigns as (
    select * from {{ ref('int_campaigns') }}
),

campaign_days as (
    select * from {{ ref('int_campaign_days') }}
),

assortment as (
    select * from {{ ref('int_campaign_assortment_ledger') }}
),

newest as (
    select * from campaigns
    qualify row_number() over (partition by campaign_id order by available_at desc) = 1
),

contents as (
    select * from assortment
    qualify row_number() over (partition by campaign_id order by available_at desc) = 1
),

totals as (
    select
        campaign_id,
        sum(view_count) as view_count,
        sum(order_count) as order_count,
        sum(unit_count) as unit_count,
        sum(turnover) as turnover,
        max(last_sold_at) as last_sold_at
    from campaign_days
    group by campaign_id
),

final as (
    select
        newest.campaign_id,
        newest.brand,
        newest.business_type,
        newest.sector,
        newest.sub_sector,
        newest.country,
        newest.timezone,
        newest.opens_at,
        newest.closes_at,
        coalesce(contents.cumulative_product_count, 0) as product_count,
        cast(coalesce(totals.view_count, 0) as bigint) as view_count,
        cast(coalesce(totals.order_count, 0) as bigint) as order_count,
        cast(coalesce(totals.unit_count, 0) as bigint) as unit_count,
        cast(coalesce(totals.turnover, 0) as decimal(18, 2)) as turnover,
        totals.last_sold_at
    from newest
    left join contents using (campaign_id)
    left join totals using (campaign_id)
)

select * from final
