{%- set look_backs = {'15min': 15, '1h': 60, '4h': 240, '24h': 1440, '28d': 40320} %}
{%- set measures = [
    'visitor_count', 'view_count', 'cart_count', 'order_count', 'unit_count', 'turnover',
] %}
{#- A fresh campaign counts as so much at its sector's rates: views that convert, orders of the
    shop, units for sale. #}
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

-- An as-of join sorts all that it is given: leave out what is not asked about.
ledger as materialized (
    select * from {{ ref('int_campaign_window_ledger') }}
    semi join asked using (campaign_id)
),

shop_ledger as (
    select * from {{ ref('int_shop_window_ledger') }}
),

sector_ledger as (
    select * from {{ ref('int_sector_window_ledger') }}
),

sector_stock_ledger as (
    select * from {{ ref('int_sector_stock_ledger') }}
),

stocked as (
    select
        campaign_id,
        min(available_at) as stocked_at
    from stock_ledger
    semi join asked using (campaign_id)
    group by campaign_id
),

described as (
    select
        asked.*,
        coalesce(campaigns.sector, 'unknown') as sector,
        -- What was sold of an older stock may lie in windows that are not kept.
        if(
            stocked.stocked_at >= asked.readable_at - interval '672 hours',
            stock_ledger.cumulative_initial_stock_count,
            0
        ) as initial_stock_count
    from asked
    left join stocked on asked.campaign_id = stocked.campaign_id
    asof left join campaigns
        on asked.campaign_id = campaigns.campaign_id and asked.as_of >= campaigns.available_at
    asof left join stock_ledger
        on asked.campaign_id = stock_ledger.campaign_id and asked.as_of >= stock_ledger.available_at
),

asked_windows as (
    select distinct
        campaign_id,
        readable_at
    from asked
    semi join ledger using (campaign_id)
),

windows as (
    select
        {%- for name in look_backs %}
        {%- for measure in measures %}
        {{ growth(measure, 'ledger', 'before_' ~ name) }} as {{ measure }}_{{ name }},
        {%- endfor %}
        {%- endfor %}
        asked_windows.campaign_id,
        asked_windows.readable_at
    from asked_windows
    {{ look_back_joins('asked_windows', 'ledger', ['campaign_id'], look_backs) }}
),

asked_shop_windows as (
    select distinct readable_at from asked
),

shop_windows as (
    select
        asked_shop_windows.readable_at,
        {{ growth('order_count', 'shop_ledger', 'before_4h') }} as order_count_4h,
        {{ growth('order_count', 'shop_ledger', 'before_28d') }} as order_count_28d
    from asked_shop_windows
    {{ look_back_joins('asked_shop_windows', 'shop_ledger', [], look_backs) }}
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
        {{ growth('stocked_unit_count', 'sector_ledger', 'before_28d') }}
            as stocked_unit_count_28d,
        -- How many of its campaigns are about in a window, on average.
        {{ ratio(
            growth('campaign_count', 'sector_ledger', 'before_28d'),
            growth('window_count', 'sector_ledger', 'before_28d'),
        ) }} as campaign_count_28d,
        {{ growth('initial_stock_count', 'stock', 'stock_before_28d') }}
            as initial_stock_count_28d
    from asked_sector_windows
    {{ look_back_joins(
        'asked_sector_windows', 'sector_ledger', ['sector'], {'28d': look_backs['28d']}
    ) }}
    asof left join sector_stock_ledger as stock
        on
            asked_sector_windows.sector = stock.sector
            and asked_sector_windows.readable_at >= stock.available_at
    asof left join sector_stock_ledger as stock_before_28d
        on
            asked_sector_windows.sector = stock_before_28d.sector
            and asked_sector_windows.readable_at - interval '672 hours'
            >= stock_before_28d.available_at
),

-- The rates of an average campaign of each sector.
priors as (
    select
        sector_windows.sector,
        sector_windows.readable_at,
        least({{ ratio(
            'sector_windows.order_count_28d', 'sector_windows.view_count_28d'
        ) }}, 1) as conversion_ratio,
        least({{ ratio(
            'sector_windows.order_count_28d',
            'shop_windows.order_count_28d * sector_windows.campaign_count_28d',
        ) }}, 1) as purchase_ratio,
        least({{ ratio(
            'sector_windows.stocked_unit_count_28d', 'sector_windows.initial_stock_count_28d'
        ) }}, 1) as sell_through_ratio
    from sector_windows
    inner join shop_windows using (readable_at)
),

final as (
    select
        described.campaign_id,
        described.as_of,
        coalesce(windows.turnover_15min, 0) as campaign_turnover_15min,
        coalesce(windows.view_count_15min / 15, 0) as campaign_views_per_minute_15min,
        coalesce(windows.visitor_count_1h, 0) as campaign_visitor_count_1h,
        coalesce(windows.cart_count_1h, 0) as campaign_cart_count_1h,
        coalesce(windows.turnover_1h, 0) as campaign_turnover_1h,
        least(
            (coalesce(windows.order_count_1h, 0) + {{ prior_view_count }} * priors.conversion_ratio)
            / (coalesce(windows.view_count_1h, 0) + {{ prior_view_count }}),
            1
        ) as campaign_conversion_ratio_1h,
        coalesce(windows.unit_count_4h, 0) as campaign_unit_count_4h,
        (coalesce(windows.order_count_4h, 0) + {{ prior_order_count }} * priors.purchase_ratio)
        / (shop_windows.order_count_4h + {{ prior_order_count }}) as campaign_purchase_ratio_4h,
        coalesce(windows.unit_count_24h, 0) as campaign_unit_count_24h,
        coalesce(windows.turnover_24h, 0) as campaign_turnover_24h,
        coalesce(windows.view_count_24h, 0) as campaign_view_count_24h,
        least(
            (
                if(described.initial_stock_count > 0, coalesce(windows.unit_count_28d, 0), 0)
                + {{ prior_stock_count }} * priors.sell_through_ratio
            )
            / (coalesce(described.initial_stock_count, 0) + {{ prior_stock_count }}),
            1
        ) as campaign_sell_through_ratio
    from described
    left join windows using (campaign_id, readable_at)
    inner join shop_windows using (readable_at)
    inner join priors using (sector, readable_at)
)

select * from final
