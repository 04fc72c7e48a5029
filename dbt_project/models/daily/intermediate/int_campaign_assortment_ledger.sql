with campaign_products as (
    select * from {{ ref('int_campaign_products') }}
),

-- What each version adds to its campaign's sums beyond the version that it replaces.
changes as (
    select
        campaign_id,
        available_at,
        cast(lag(product_id) over versions is null as integer) as product_count,
        price - coalesce(lag(price) over versions, 0) as price_sum,
        list_price - coalesce(lag(list_price) over versions, 0) as list_price_sum,
        coalesce(initial_stock_count, 0)
        - coalesce(lag(initial_stock_count) over versions, 0) as initial_stock_count
    from campaign_products
    window versions as (partition by campaign_id, product_id order by available_at)
    qualify {{ is_new('available_at') }}
),

by_instant as (
    select
        campaign_id,
        available_at,
        sum(product_count) as product_count,
        cast(sum(price_sum) as decimal(18, 2)) as price_sum,
        cast(sum(list_price_sum) as decimal(18, 2)) as list_price_sum,
        sum(initial_stock_count) as initial_stock_count
    from changes
    group by campaign_id, available_at
),

final as (
    {{ ledger(
        'by_instant',
        key=['campaign_id'],
        sums={
            'product_count': 'bigint',
            'price_sum': 'decimal(18, 2)',
            'list_price_sum': 'decimal(18, 2)',
            'initial_stock_count': 'bigint',
        },
    ) }}
)

select * from final
