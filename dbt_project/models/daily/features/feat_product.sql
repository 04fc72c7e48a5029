{%- set weeks = [8, 7, 6, 5, 4, 3, 2, 1] %}
{%- set band_columns = [] %}
{%- for name in age_bands().values() %}
{%- do band_columns.append('mixes.' ~ name ~ '_unit_count') %}
{%- endfor %}

with asked as (
    select
        product_id,
        as_of,
        {{ last_readable_day_at('as_of') }} as readable_at,
        {{ last_readable_day_at('as_of') }}
        - interval '{{ var("day_features_delay_minutes") }} minutes' as day_end_at,
        {{ season_readable_from('as_of') }} as season_from_at
    from query_table(spine)
),

products as (
    select * from {{ ref('int_products') }}
),

ledger as (
    select * from {{ ref('int_product_ledger') }}
),

mix_ledger as (
    select * from {{ ref('int_product_mix_ledger') }}
),

on_sale as (
    select * from {{ ref('int_on_sale') }}
),

sales as (
    select
        {%- for week in weeks %}
        {{ grown_between('unit_count', 7 * week, 7 * week - 7) }} as week_{{ week }},
        {%- endfor %}
        {{ grown('unit_count', 28) }} as unit_count_28d,
        {{ grown('unit_count', 56) }} as unit_count_56d,
        {{ grown('unit_count', 365) }} as unit_count_365d,
        {{ grown('turnover', 365) }} as turnover_365d,
        {{ read('unit_count') }} as unit_count,
        asked.product_id,
        asked.as_of
    from asked
    inner join ledger
        on asked.product_id = ledger.product_id and asked.as_of >= ledger.available_at
    group by asked.product_id, asked.as_of
),

-- The slope of a line through the eight weeks, over their mean.
momenta as (
    select
        *,
        coalesce((
            {%- for week in weeks %}
            {{ 4.5 - week }} * week_{{ week }}{{ ' +' if not loop.last }}
            {%- endfor %}
        ) / 42 / nullif(unit_count_56d / 8, 0), 0) as momentum_ratio
    from sales
),

mixes as (
    select
        {%- for class in channel_classes() %}
        {{ grown(class ~ '_unit_count', 365) }} as {{ class }}_unit_count,
        {%- endfor %}
        {%- for name in age_bands().values() %}
        {{ grown(name ~ '_unit_count', 365) }} as {{ name }}_unit_count,
        {%- endfor %}
        asked.product_id,
        asked.as_of
    from asked
    inner join mix_ledger as ledger
        on asked.product_id = ledger.product_id and asked.as_of >= ledger.available_at
    group by asked.product_id, asked.as_of
),

-- Shares and ranks need the whole sector's sales, once per day and season that is asked for.
asked_seasons as (
    select distinct
        readable_at,
        day_end_at,
        season_from_at
    from asked
),

sold_products as (
    select distinct product_id from ledger
),

everything as (
    select
        asked_seasons.*,
        sold_products.product_id
    from asked_seasons
    cross join sold_products
),

-- What describes a product is, like its stock, what the night's build knew: what came up to the end
-- of the day, and nothing of that instant.
season_reads as (
    select
        everything.*,
        coalesce(products.sector, 'unknown') as sector,
        {{ growth('unit_count', 'ledger', 'before_season') }} as unit_count
    from everything
    asof inner join ledger
        on
            everything.product_id = ledger.product_id
            and everything.readable_at >= ledger.available_at
    asof left join ledger as before_season
        on
            everything.product_id = before_season.product_id
            and everything.season_from_at >= before_season.available_at
    asof left join products
        on
            everything.product_id = products.product_id
            and everything.day_end_at > products.available_at
),

seasons as (
    select
        *,
        unit_count / sum(unit_count) over sector_season as unit_ratio,
        row_number() over (
            partition by readable_at, season_from_at, sector
            order by unit_count desc, product_id asc
        ) as sales_rank
    from season_reads
    where unit_count > 0
    window sector_season as (partition by readable_at, season_from_at, sector)
),

stocks as (
    select
        asked.product_id,
        asked.as_of,
        sum(on_sale.stock_left_count) as stock_left_count
    from asked
    inner join on_sale
        on
            asked.product_id = on_sale.product_id
            and asked.day_end_at > on_sale.from_at
            and asked.day_end_at <= on_sale.until_at
    group by asked.product_id, asked.as_of
),

final as (
    select
        asked.product_id,
        asked.as_of,
        coalesce(seasons.unit_ratio, 0) as product_season_unit_ratio,
        cast(coalesce(seasons.sales_rank, 0) as double) as product_season_rank,
        {{ largest_column(age_bands() | list, band_columns) }} as product_favourite_age_band,
        {{ ratio('momenta.turnover_365d', 'momenta.unit_count_365d') }} as product_average_price,
        case
            when coalesce(momenta.unit_count_365d, 0) = 0 then 'unknown'
            else {{ largest(channel_classes(), 'mixes.', '_unit_count', 'other') }}
        end as product_favourite_channel,
        coalesce(momenta.momentum_ratio, 0) as product_momentum_ratio,
        {{ trend('momenta.momentum_ratio', 'momenta.unit_count_56d', 'momenta.unit_count') }}
            as product_trend,
        case
            when stocks.as_of is null then 0
            else least({{ ratio(
                'stocks.stock_left_count', 'momenta.unit_count_28d / 28', otherwise=730
            ) }}, 730)
        end as product_stock_left_days
    from asked
    left join momenta using (product_id, as_of)
    left join mixes using (product_id, as_of)
    left join seasons using (product_id, readable_at, season_from_at)
    left join stocks using (product_id, as_of)
)

select * from final
