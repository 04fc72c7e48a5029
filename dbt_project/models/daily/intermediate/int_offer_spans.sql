{#- No fact is received so late that, within a day of receipt, a permanent campaign could close
    between two sales: then the first and the last sale of a day tell as much as all of them. -#}
{%- set on_sale_hours = 24 * var("permanent_campaign_days") | int %}
{%- set days_tell = on_sale_hours >= 24 + var("late_after_hours") | int %}
{{ config(
    incremental_strategy='delete+insert',
    unique_key=['campaign_id', 'product_id'],
    incremental_predicates=['dbt_incremental_target.is_last'],
) }}

with campaigns as (
    select * from {{ ref('int_campaigns') }}
),

campaign_products as (
    select * from {{ ref('int_campaign_products') }}
),

sale_lines as (
    select * from {{ ref('int_order_lines') }}
    where kind = 'sale' and {{ is_new('received_at') }}
),

stock_levels as (
    select * from {{ ref('stg_stock_levels') }}
),

new_campaigns as (
    select distinct campaign_id
    from campaigns
    where {{ is_new('available_at') }}
),

new_levels as (
    select distinct product_id
    from stock_levels
    where {{ is_new('received_at') }}
),

-- Of these offers something became known; what is said of others stays.
offers as (
    select
        campaign_id,
        product_id
    from campaign_products
    where
        {{ is_new('available_at') }}
        or campaign_id in (from new_campaigns)
        or product_id in (from new_levels)
    union
    select
        campaign_id,
        product_id
    from sale_lines
),

{%- if is_incremental() %}

last_known as (
    select * from {{ this }}
    semi join offers using (campaign_id, product_id)
    where is_last
),
{%- endif %}

-- Where the initial stock is known, what is sold tells what is left.
stocked as (
    select distinct
        campaign_id,
        product_id,
        true as is_stocked
    from campaign_products
    where initial_stock_count is not null
),

without_stock as (
    select distinct
        campaign_id,
        product_id
    from campaign_products
    semi join offers using (campaign_id, product_id)
    where initial_stock_count is null
),

sales as (
    select
        campaign_id,
        product_id,
        min(received_at) as available_at,
        sum(unit_count) as unit_count,
        max(occurred_at) as last_sold_at
    from sale_lines
    {%- if days_tell %}
    left join stocked using (campaign_id, product_id)
    group by
        campaign_id,
        product_id,
        case when is_stocked then received_at else {{ midnight(utc_day('received_at')) }} end
    {%- else %}
    group by campaign_id, product_id, received_at
    {%- endif %}
    {%- if is_incremental() %}
    union all
    select
        campaign_id,
        product_id,
        timestamptz '-infinity' as available_at,
        sold_count as unit_count,
        last_sold_at
    from last_known
    where last_sold_at is not null
    {%- endif %}
),

running_sales as (
    select
        campaign_id,
        product_id,
        available_at,
        sum(unit_count) over until_now as sold_count,
        max(last_sold_at) over until_now + interval '{{ on_sale_hours }} hours' as closes_at
    from sales
    window until_now as (
        partition by campaign_id, product_id order by available_at rows unbounded preceding
    )
),

-- Without an end a campaign is on sale for some time after each sale: from the first sale of a run,
-- each within that time, until that time after the last.
run_starts as (
    select
        *,
        coalesce(available_at > lag(closes_at) over (
            partition by campaign_id, product_id order by available_at
        ), true) as is_start
    from running_sales
),

numbered_runs as (
    select
        *,
        count(*) filter (where is_start) over (
            partition by campaign_id, product_id order by available_at rows unbounded preceding
        ) as number
    from run_starts
),

runs as (
    select
        campaign_id,
        product_id,
        min(available_at) as available_at,
        max(closes_at) as closes_at
    from numbered_runs
    group by campaign_id, product_id, number
),

stocked_sales as (
    select * from running_sales
    semi join stocked using (campaign_id, product_id)
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

-- Every instant at which something became known about an offer.
all_instants as (
    {%- for source in ['campaign_products', 'stocked_sales', 'runs', 'levels'] %}
    select
        campaign_id,
        product_id,
        available_at
    from {{ source }}
    union
    {%- endfor %}
    select
        offers.campaign_id,
        offers.product_id,
        campaigns.available_at
    from offers
    inner join campaigns using (campaign_id)
),

instants as (
    select * from all_instants
    semi join offers using (campaign_id, product_id)
    where {{ is_new('available_at') }}
    {%- if is_incremental() %}
    union
    -- What was known before still held when the base ended.
    select
        campaign_id,
        product_id,
        {{ base_end_at() }} as available_at
    from last_known
    {%- endif %}
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
        coalesce(campaigns.closes_at, runs.closes_at) as closes_at,
        campaign_products.price,
        coalesce(
            campaign_products.initial_stock_count - coalesce(stocked_sales.sold_count, 0),
            levels.level_count
        ) as stock_left_count
    from instants
    asof inner join campaigns
        on
            instants.campaign_id = campaigns.campaign_id
            and instants.available_at >= campaigns.available_at
    {%- for source in ['campaign_products', 'runs', 'stocked_sales', 'levels'] %}
    asof {{ 'inner' if source == 'campaign_products' else 'left' }} join {{ source }}
        on
            instants.campaign_id = {{ source }}.campaign_id
            and instants.product_id = {{ source }}.product_id
            and instants.available_at >= {{ source }}.available_at
    {%- endfor %}
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
    {%- if is_incremental() %}
    union all
    select
        campaign_id,
        product_id,
        from_at,
        least(until_at, {{ base_end_at() }}) as until_at,
        price,
        stock_left_count
    from last_known
    where from_at < {{ base_end_at() }}
    {%- endif %}
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

merged as (
    select
        campaign_id,
        product_id,
        min(from_at) as from_at,
        max(until_at) as until_at,
        any_value(price) as price,
        cast(any_value(stock_left_count) as bigint) as stock_left_count,
        number = max(number) over (partition by campaign_id, product_id) as is_last
    from numbered
    group by campaign_id, product_id, number
),

totals as (
    select
        campaign_id,
        product_id,
        sum(unit_count) as sold_count,
        max(last_sold_at) as last_sold_at
    from sales
    group by campaign_id, product_id
),

final as (
    select
        offers.campaign_id,
        offers.product_id,
        merged.from_at,
        merged.until_at,
        merged.price,
        merged.stock_left_count,
        coalesce(merged.is_last, true) as is_last,
        cast(if(merged.is_last is false, null, totals.sold_count) as bigint) as sold_count,
        if(merged.is_last is false, null, totals.last_sold_at) as last_sold_at
    from offers
    left join merged using (campaign_id, product_id)
    left join totals using (campaign_id, product_id)
)

select * from final
