with campaigns as (
    select * from {{ ref('int_campaigns') }}
),

ledger as (
    select * from {{ ref('int_campaign_day_ledger') }}
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
    select * from ledger
    qualify row_number() over (partition by campaign_id order by available_at desc) = 1
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
        coalesce(totals.cumulative_view_count, 0) as view_count,
        coalesce(totals.cumulative_order_count, 0) as order_count,
        coalesce(totals.cumulative_unit_count, 0) as unit_count,
        coalesce(totals.cumulative_turnover, 0) as turnover,
        totals.last_sold_at
    from newest
    left join contents using (campaign_id)
    left join totals using (campaign_id)
)

select * from final
