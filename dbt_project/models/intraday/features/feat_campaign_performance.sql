{%- set look_backs = {'15min': 15, '1h': 60, '4h': 240, '24h': 1440} %}
{%- set month = {'28d': 40320} %}
{%- set shop_look_backs = {'4h': look_backs['4h'], '28d': month['28d']} %}
{%- set measures = [
    'visitor_count', 'view_count', 'cart_count', 'order_count', 'unit_count', 'turnover',
] %}
{#- A fresh campaign counts as so much at its sector's rates, a sector at the shop's, a shop at the
    guesses of macros/rates.sql: views that convert, orders of the shop, units for sale. #}
{%- set prior_view_count = 50 %}
{%- set prior_order_count = 20 %}
{%- set prior_stock_count = 20 %}

with asked as (
    select
        campaign_id,
        as_of,
        {{ last_readable_window_at('as_of') }} as readable_at
    from query_table(spine)
    where {{ is_answerable('as_of') }}
),

campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

stock_ledger as (
    select * from {{ ref('int_campaign_stock_ledger') }}
),

whole_ledger as (
    select * from {{ ref('int_campaign_window_ledger') }}
),

-- An as-of join sorts all that it is given: leave out what is not asked about.
ledger as materialized (
    select * from whole_ledger
    semi join asked using (campaign_id)
),

shop_ledger as (
    select * from {{ ref('int_shop_window_ledger') }}
),

sector_ledger as (
    select * from {{ ref('int_sector_window_ledger') }}
),

asked_windows as (
    select distinct
        readable_at,
        readable_at - interval '{{ var("intraday_delay_minutes") }} minutes' as window_end_at
    from asked
),

asked_campaign_windows as (
    select distinct
        asked.campaign_id,
        asked_windows.readable_at,
        asked_windows.window_end_at
    from asked
    inner join asked_windows using (readable_at)
),

-- What the window's build knew: what came up to its end, and nothing of that instant.
described as (
    select
        asked.campaign_id,
        asked.readable_at,
        campaigns.sector
    from asked_campaign_windows as asked
    asof inner join campaigns
        on
            asked.campaign_id = campaigns.campaign_id
            and asked.window_end_at > campaigns.available_at
),

known_campaign_windows as (
    select
        campaign_id,
        readable_at
    from asked_campaign_windows
    semi join ledger using (campaign_id)
),

windows as (
    select
        {%- for name in look_backs %}
        {%- for measure in measures %}
        {{ growth(measure, 'ledger', 'before_' ~ name) }} as {{ measure }}_{{ name }},
        {%- endfor %}
        {%- endfor %}
        known_campaign_windows.campaign_id,
        known_campaign_windows.readable_at
    from known_campaign_windows
    {{ look_back_joins('known_campaign_windows', 'ledger', ['campaign_id'], look_backs) }}
),

stocked as (
    select
        campaign_id,
        min(available_at) as stocked_at
    from stock_ledger
    group by campaign_id
),

-- What was sold of an older stock may lie in windows that are not kept.
lately_stocked as (
    select
        stocked.campaign_id,
        asked_windows.readable_at,
        asked_windows.window_end_at
    from asked_windows
    inner join stocked
        on
            asked_windows.window_end_at > stocked.stocked_at
            and asked_windows.window_end_at - interval '672 hours' <= stocked.stocked_at
),

stocked_ledger as materialized (
    select * from whole_ledger
    semi join lately_stocked using (campaign_id)
),

stocks as (
    select
        lately_stocked.campaign_id,
        lately_stocked.readable_at,
        campaigns.sector,
        stock_ledger.cumulative_initial_stock_count as initial_stock_count,
        {{ growth('unit_count', 'stocked_ledger', 'before_28d') }} as unit_count
    from lately_stocked
    {{ look_back_joins('lately_stocked', 'stocked_ledger', ['campaign_id'], month) }}
    asof inner join stock_ledger
        on
            lately_stocked.campaign_id = stock_ledger.campaign_id
            and lately_stocked.window_end_at > stock_ledger.available_at
    asof left join campaigns
        on
            lately_stocked.campaign_id = campaigns.campaign_id
            and lately_stocked.window_end_at > campaigns.available_at
    where stock_ledger.cumulative_initial_stock_count > 0
),

sector_stocks as (
    select
        sector,
        readable_at,
        sum(unit_count) as unit_count,
        sum(initial_stock_count) as initial_stock_count
    from stocks
    group by sector, readable_at
),

shop_stocks as (
    select
        readable_at,
        sum(unit_count) as unit_count,
        sum(initial_stock_count) as initial_stock_count
    from sector_stocks
    group by readable_at
),

shop_windows as (
    select
        asked_windows.readable_at,
        {{ growth('order_count', 'shop_ledger', 'before_4h') }} as order_count_4h,
        {{ growth('order_count', 'shop_ledger', 'before_28d') }} as order_count_28d,
        {{ growth('view_count', 'shop_ledger', 'before_28d') }} as view_count_28d,
        {{ growth('exposed_order_count', 'shop_ledger', 'before_28d') }}
            as exposed_order_count_28d
    from asked_windows
    {{ look_back_joins('asked_windows', 'shop_ledger', [], shop_look_backs) }}
),

asked_sector_windows as (
    select distinct
        sector,
        readable_at
    from described
),

sector_windows as (
    select
        asked_sector_windows.*,
        {{ growth('order_count', 'sector_ledger', 'before_28d') }} as order_count_28d,
        {{ growth('view_count', 'sector_ledger', 'before_28d') }} as view_count_28d,
        {{ growth('exposed_order_count', 'sector_ledger', 'before_28d') }}
            as exposed_order_count_28d
    from asked_sector_windows
    {{ look_back_joins('asked_sector_windows', 'sector_ledger', ['sector'], month) }}
),

-- The rates of an average campaign of the shop, then of each sector.
shop_rates as (
    select
        shop_windows.readable_at,
        {{ smoothed_ratio(
            'shop_windows.order_count_28d', 'shop_windows.view_count_28d',
            guessed_conversion_ratio(), prior_view_count,
        ) }} as conversion_ratio,
        {{ smoothed_ratio(
            'shop_windows.order_count_28d', 'shop_windows.exposed_order_count_28d',
            guessed_purchase_ratio(), prior_order_count,
        ) }} as purchase_ratio,
        {{ smoothed_ratio(
            'shop_stocks.unit_count', 'shop_stocks.initial_stock_count',
            guessed_sell_through_ratio(), prior_stock_count,
        ) }} as sell_through_ratio
    from shop_windows
    left join shop_stocks using (readable_at)
),

sector_rates as (
    select
        sector_windows.sector,
        sector_windows.readable_at,
        {{ smoothed_ratio(
            'sector_windows.order_count_28d', 'sector_windows.view_count_28d',
            'shop_rates.conversion_ratio', prior_view_count,
        ) }} as conversion_ratio,
        {{ smoothed_ratio(
            'sector_windows.order_count_28d', 'sector_windows.exposed_order_count_28d',
            'shop_rates.purchase_ratio', prior_order_count,
        ) }} as purchase_ratio,
        {{ smoothed_ratio(
            'sector_stocks.unit_count', 'sector_stocks.initial_stock_count',
            'shop_rates.sell_through_ratio', prior_stock_count,
        ) }} as sell_through_ratio
    from sector_windows
    inner join shop_rates using (readable_at)
    left join sector_stocks using (sector, readable_at)
),

-- Whom the shop does not describe has no sector, and is drawn towards the fills.
priors as (
    select
        described.campaign_id,
        described.readable_at,
        sector_rates.* exclude (sector, readable_at)
    from described
    inner join sector_rates using (sector, readable_at)
),

final as (
    select
        asked.campaign_id,
        asked.as_of,
        coalesce(windows.turnover_15min, 0) as campaign_turnover_15min,
        coalesce(windows.view_count_15min / 15, 0) as campaign_views_per_minute_15min,
        coalesce(windows.visitor_count_1h, 0) as campaign_visitor_count_1h,
        coalesce(windows.cart_count_1h, 0) as campaign_cart_count_1h,
        coalesce(windows.turnover_1h, 0) as campaign_turnover_1h,
        {{ smoothed_ratio(
            'windows.order_count_1h', 'windows.view_count_1h',
            'coalesce(priors.conversion_ratio, 0)', prior_view_count,
        ) }} as campaign_conversion_ratio_1h,
        coalesce(windows.unit_count_4h, 0) as campaign_unit_count_4h,
        {{ smoothed_ratio(
            'windows.order_count_4h', 'shop_windows.order_count_4h',
            'coalesce(priors.purchase_ratio, 0)', prior_order_count,
        ) }} as campaign_purchase_ratio_4h,
        coalesce(windows.unit_count_24h, 0) as campaign_unit_count_24h,
        coalesce(windows.turnover_24h, 0) as campaign_turnover_24h,
        coalesce(windows.view_count_24h, 0) as campaign_view_count_24h,
        {{ smoothed_ratio(
            'stocks.unit_count', 'stocks.initial_stock_count',
            'coalesce(priors.sell_through_ratio, 0)', prior_stock_count,
        ) }} as campaign_sell_through_ratio
    from asked
    inner join shop_windows using (readable_at)
    left join windows using (campaign_id, readable_at)
    left join stocks using (campaign_id, readable_at)
    left join priors using (campaign_id, readable_at)
)

select * from final
