with campaign_products as (
    select * from {{ ref('int_intraday_campaign_products') }}
),

-- What each version adds to its campaign's stock beyond the version that it replaces.
changes as (
    select
        campaign_id,
        available_at,
        coalesce(initial_stock_count, 0)
        - coalesce(lag(initial_stock_count) over versions, 0) as initial_stock_count
    from campaign_products
    window versions as (partition by campaign_id, product_id order by available_at)
    qualify {{ is_new('available_at') }}
),

summed as (
    select
        campaign_id,
        available_at,
        sum(initial_stock_count) as initial_stock_count
    from changes
    group by campaign_id, available_at
),

by_instant as (
    select * from summed
    where initial_stock_count != 0
),

final as (
    {{ ledger('by_instant', key=['campaign_id'], sums={'initial_stock_count': 'bigint'}) }}
)

select * from final
