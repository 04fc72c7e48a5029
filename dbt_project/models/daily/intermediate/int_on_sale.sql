with campaigns as (
    select * from {{ ref('int_campaigns') }}
),

campaign_products as (
    select * from {{ ref('int_campaign_products') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

stock_levels as (
    select * from {{ ref('stg_stock_levels') }}
),

pairs as (
    select distinct
        campaign_id,
        product_id
    from campaign_products
),

sales as (
    select
        campaign_id,
        product_id,
        received_at as available_at,
        sum(sum(unit_count)) over until_now as sold_count,
        max(max(occurred_at)) over until_now as last_sold_at
    from order_lines
    where kind = 'sale'
    group by campaign_id, product_id, received_at
    window until_now as (
        partition by campaign_id, product_id order by received_at rows unbounded preceding
    )
),

-- Where the initial stock is known, what is sold tells what is left.
without_stock as (
    select distinct
        campaign_id,
        product_id
    from campaign_products
    where initial_stock_count is null
),

-- What was counted before the opening is another sale's stock.
counts as (
    select
        without_stock.campaign_id,
        without_stock.product_id,
        stock_levels.location,
        stock_levels.unit_count,
        stock_levels.occurred_at,
        stock_levels.received_at
    from without_stock
    inner join stock_levels using (product_id)
    asof inner join campaigns
        on
            without_stock.campaign_id = campaigns.campaign_id
            and stock_levels.received_at >= campaigns.available_at
    where stock_levels.occurred_at >= campaigns.opens_at
),

-- A late count changes nothing once a newer one of its warehouse is known.
newest_counts as (
    select * from counts
    qualify
        coalesce(occurred_at > max(occurred_at) over (
            partition by campaign_id, product_id, location
            order by received_at, occurred_at rows between unbounded preceding and 1 preceding
        ), true)
),

level_changes as (
    select
        campaign_id,
        product_id,
        received_at as available_at,
        unit_count - coalesce(lag(unit_count) over (
            partition by campaign_id, product_id, location order by received_at, occurred_at
        ), 0) as change_count
    from newest_counts
),

levels as (
    select
        campaign_id,
        product_id,
        available_at,
        sum(sum(change_count)) over (
            partition by campaign_id, product_id order by available_at rows unbounded preceding
        ) as level_count
    from level_changes
    group by campaign_id, product_id, available_at
),

-- Every instant at which something became known about a product in a campaign.
instants as (
    select
        campaign_id,
        product_id,
        available_at
    from campaign_products
    union
    select
        campaign_id,
        product_id,
        available_at
    from sales
    union
    select
        pairs.campaign_id,
        pairs.product_id,
        campaigns.available_at
    from pairs
    inner join campaigns using (campaign_id)
    union
    select
        campaign_id,
        product_id,
        available_at
    from levels
),

-- What was known at that instant; it holds until the next one.
known as (
    select
        instants.campaign_id,
        instants.product_id,
        instants.available_at,
        lead(instants.available_at) over (
            partition by instants.campaign_id, instants.product_id order by instants.available_at
        ) as next_at,
        campaigns.opens_at,
        -- Without an end it is on sale for some time after each sale.
        coalesce(
            campaigns.closes_at,
            sales.last_sold_at + interval '{{ 24 * var("permanent_campaign_days") | int }} hours'
        ) as closes_at,
        campaign_products.price,
        coalesce(
            campaign_products.initial_stock_count - coalesce(sales.sold_count, 0),
            levels.level_count
        ) as stock_left_count
    from instants
    asof inner join campaigns
        on
            instants.campaign_id = campaigns.campaign_id
            and instants.available_at >= campaigns.available_at
    asof inner join campaign_products
        on
            instants.campaign_id = campaign_products.campaign_id
            and instants.product_id = campaign_products.product_id
            and instants.available_at >= campaign_products.available_at
    asof left join sales
        on
            instants.campaign_id = sales.campaign_id
            and instants.product_id = sales.product_id
            and instants.available_at >= sales.available_at
    asof left join levels
        on
            instants.campaign_id = levels.campaign_id
            and instants.product_id = levels.product_id
            and instants.available_at >= levels.available_at
),

spans as (
    select
        campaign_id,
        product_id,
        greatest(available_at, opens_at) as from_at,
        least(next_at, closes_at) as until_at,
        price,
        stock_left_count
    from known
    where
        closes_at is not null
        and greatest(available_at, opens_at) < least(next_at, closes_at)
        and (stock_left_count > 0 or stock_left_count is null)
),

-- Spans that follow one another with the same price and stock are one.
followed as (
    select
        *,
        lag(until_at) over one_by_one as last_until_at,
        lag(price) over one_by_one as last_price,
        lag(stock_left_count) over one_by_one as last_stock_left_count
    from spans
    window one_by_one as (partition by campaign_id, product_id order by from_at)
),

numbered as (
    select
        *,
        count(*) filter (
            where
            last_until_at is distinct from from_at
            or last_price is distinct from price
            or last_stock_left_count is distinct from stock_left_count
        ) over (
            partition by campaign_id, product_id order by from_at rows unbounded preceding
        ) as number
    from followed
),

final as (
    select
        campaign_id,
        product_id,
        min(from_at) as from_at,
        max(until_at) as until_at,
        any_value(price) as price,
        cast(any_value(stock_left_count) as bigint) as stock_left_count
    from numbered
    group by campaign_id, product_id, number
)

select * from final
