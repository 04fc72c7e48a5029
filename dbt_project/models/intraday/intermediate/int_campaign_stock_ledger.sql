with campaign_products as (
    select * from {{ ref('stg_intraday_campaign_products') }}
),

changes as (
    select
        campaign_id,
        received_at as available_at,
        coalesce(initial_stock_count, 0) - coalesce(lag(initial_stock_count) over (
            partition by campaign_id, product_id order by received_at
        ), 0) as initial_stock_count
    from campaign_products
),

by_instant as (
    select
        campaign_id,
        available_at,
        sum(initial_stock_count) as initial_stock_count
    from changes
    group by campaign_id, available_at
),

final as (
    select
        campaign_id,
        available_at,
        {{ cumulative('initial_stock_count', 'campaign_id') }}
    from by_instant
    where initial_stock_count != 0
)

select * from final
