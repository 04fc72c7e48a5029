{%- set look_backs = {'1d': 1440, '7d': 10080, '28d': 40320} %}
{%- set brand_look_backs = {'28d': 40320, '365d': 525600} %}
{#- A brand's latest campaigns count beside so much at its sector's rates, a sector beside so much
    at the shop's, and the shop beside so much at the guesses of macros/rates.sql. #}
{%- set prior_view_count = 50 %}
{%- set prior_stock_count = 50 %}
{%- set prior_campaign_count = 1 %}
{%- set totals = [
    'campaign_count', 'order_count', 'view_count', 'unit_count', 'initial_stock_count', 'turnover',
] %}

with asked as (
    select
        campaign_id,
        as_of,
        {{ last_readable_day_at('as_of') }} as readable_at
    from query_table(spine)
),

campaigns as (
    select * from {{ ref('int_campaigns') }}
),

assortment as (
    select * from {{ ref('int_campaign_assortment_ledger') }}
),

ledger as (
    select * from {{ ref('int_campaign_day_ledger') }}
),

brand_ledger as (
    select * from {{ ref('int_brand_day_ledger') }}
),

-- Of a campaign without a known stock the units sold tell nothing about sell-through.
closed_campaigns as (
    select
        * replace (if(initial_stock_count > 0, unit_count, 0) as unit_count),
        1 as campaign_count
    from {{ ref('int_closed_campaigns') }}
),

catalogue_prices as (
    select * from {{ ref('int_catalogue_prices') }}
),

described as (
    select
        asked.*,
        coalesce(campaigns.brand, 'unknown') as brand,
        coalesce(campaigns.business_type, 'unknown') as business_type,
        campaigns.sector,
        coalesce(campaigns.sub_sector, 'unknown') as sub_sector,
        coalesce(campaigns.country, 'unknown') as campaign_country,
        coalesce(
            {{ minutes_between('campaigns.opens_at', 'campaigns.closes_at') }} / 60, 720
        ) as campaign_duration_hours,
        cast(coalesce(assortment.cumulative_product_count, 0) as double) as campaign_product_count,
        {{ ratio('assortment.cumulative_price_sum', 'assortment.cumulative_product_count') }}
            as campaign_average_price,
        greatest(1 - {{ ratio(
            'assortment.cumulative_price_sum', 'assortment.cumulative_list_price_sum', otherwise=1
        ) }}, 0) as campaign_discount_ratio
    from asked
    asof left join campaigns
        on asked.campaign_id = campaigns.campaign_id and asked.as_of >= campaigns.available_at
    asof left join assortment
        on asked.campaign_id = assortment.campaign_id and asked.as_of >= assortment.available_at
),

asked_days as (
    select distinct
        campaign_id,
        readable_at
    from asked
),

days as (
    select
        asked_days.*,
        {%- for name in look_backs %}
        {{ growth('unit_count', 'ledger', 'before_' ~ name) }}
            as campaign_unit_count_{{ name }},
        {{ growth('turnover', 'ledger', 'before_' ~ name) }} as campaign_turnover_{{ name }},
        {{ growth('buyer_count', 'ledger', 'before_' ~ name) }}
            as campaign_buyer_count_{{ name }},
        {{ growth('view_count', 'ledger', 'before_' ~ name) }}
            as campaign_view_count_{{ name }},
        {%- endfor %}
        {{ ratio('ledger.cumulative_return_unit_count', 'ledger.cumulative_unit_count') }}
            as campaign_return_ratio,
        ledger.last_sold_at
    from asked_days
    {{ look_back_joins('asked_days', 'ledger', ['campaign_id'], look_backs) }}
),

asked_brand_days as (
    select distinct
        brand,
        readable_at
    from described
),

brand_days as (
    select
        asked_brand_days.*,
        {{ growth('unit_count', 'brand_ledger', 'before_28d') }} as brand_unit_count_28d,
        {{ growth('unit_count', 'brand_ledger', 'before_365d') }} as brand_unit_count_365d,
        {{ growth('turnover', 'brand_ledger', 'before_365d') }} as brand_turnover_365d
    from asked_brand_days
    {{ look_back_joins('asked_brand_days', 'brand_ledger', ['brand'], brand_look_backs) }}
),

-- The brand's three latest campaigns that were over.
latest_campaigns as (
    select
        asked.readable_at,
        closed.*
    from asked_brand_days as asked
    inner join closed_campaigns as closed
        on asked.brand = closed.brand and asked.readable_at >= closed.available_at
    qualify row_number() over (
        partition by asked.brand, asked.readable_at
        order by closed.closed_at desc, closed.campaign_id desc
    ) <= 3
),

brand_pasts as (
    select
        {%- for total in totals %}
        sum({{ total }}) as {{ total }},
        {%- endfor %}
        brand,
        readable_at
    from latest_campaigns
    group by brand, readable_at
),

-- Everything that was over, once for each day that is asked about.
asked_readable_days as (
    select distinct readable_at from asked
),

sector_pasts as (
    select
        {%- for total in totals %}
        sum(closed.{{ total }}) as {{ total }},
        {%- endfor %}
        closed.sector,
        asked.readable_at
    from asked_readable_days as asked
    inner join closed_campaigns as closed on asked.readable_at >= closed.available_at
    group by closed.sector, asked.readable_at
),

shop_pasts as (
    select
        {%- for total in totals %}
        sum({{ total }}) as {{ total }},
        {%- endfor %}
        readable_at
    from sector_pasts
    group by readable_at
),

shop_rates as (
    select
        asked.readable_at,
        {{ smoothed_ratio(
            'past.order_count', 'past.view_count', guessed_conversion_ratio(), prior_view_count
        ) }} as conversion_ratio,
        {{ smoothed_ratio(
            'past.unit_count', 'past.initial_stock_count',
            guessed_sell_through_ratio(), prior_stock_count,
        ) }} as sell_through_ratio,
        {{ ratio('past.turnover', 'past.campaign_count') }} as turnover
    from asked_readable_days as asked
    left join shop_pasts as past using (readable_at)
),

asked_sector_days as (
    select distinct
        sector,
        readable_at
    from described
    where sector is not null
),

sector_rates as (
    select
        asked.sector,
        asked.readable_at,
        {{ smoothed_ratio(
            'past.order_count', 'past.view_count', 'shop_rates.conversion_ratio', prior_view_count
        ) }} as conversion_ratio,
        {{ smoothed_ratio(
            'past.unit_count', 'past.initial_stock_count',
            'shop_rates.sell_through_ratio', prior_stock_count,
        ) }} as sell_through_ratio,
        {{ smoothed(
            'past.turnover', 'past.campaign_count', 'shop_rates.turnover', prior_campaign_count
        ) }} as turnover
    from asked_sector_days as asked
    inner join shop_rates using (readable_at)
    left join sector_pasts as past using (sector, readable_at)
),

-- The sector's price ladder as it was known, then the step that the campaign's price stands on.
ladder_ends as (
    select distinct
        sector,
        available_at
    from catalogue_prices
),

ladders as (
    select
        asked.*,
        ladder_ends.available_at
    from asked_sector_days as asked
    asof inner join ladder_ends
        on asked.sector = ladder_ends.sector and asked.readable_at >= ladder_ends.available_at
),

priced as (
    select
        described.campaign_id,
        described.as_of,
        described.sector,
        round(described.campaign_average_price, 4) as average_price,
        ladders.available_at
    from described
    inner join ladders using (sector, readable_at)
    where described.campaign_product_count > 0
),

price_levels as (
    select
        priced.campaign_id,
        priced.as_of,
        coalesce(steps.price_quantile, 0) as price_quantile
    from priced
    asof left join catalogue_prices as steps
        on
            priced.sector = steps.sector
            and priced.available_at = steps.available_at
            and priced.average_price >= steps.price
),

final as (
    select
        described.campaign_id,
        described.as_of,
        described.brand,
        described.business_type,
        coalesce(described.sector, 'unknown') as sector,
        described.sub_sector,
        described.campaign_country,
        described.campaign_duration_hours,
        described.campaign_product_count,
        described.campaign_average_price,
        described.campaign_discount_ratio,
        {%- for name in look_backs %}
        days.campaign_unit_count_{{ name }},
        days.campaign_turnover_{{ name }},
        days.campaign_buyer_count_{{ name }},
        days.campaign_view_count_{{ name }},
        {%- endfor %}
        (days.campaign_unit_count_7d + 1)
        / (days.campaign_unit_count_28d / 4 + 1) as campaign_trend_ratio,
        days.campaign_return_ratio,
        {{ not_negative(days_between('days.last_sold_at', 'described.as_of'), 730) }}
            as campaign_days_since_last_sale,
        brand_days.brand_unit_count_28d,
        brand_days.brand_unit_count_365d,
        brand_days.brand_turnover_365d,
        coalesce(price_levels.price_quantile, 0.5) as campaign_price_level_ratio,
        -- Whom the shop does not describe has no sector, and is drawn towards the fills.
        {{ smoothed_ratio(
            'brand_pasts.order_count', 'brand_pasts.view_count',
            'coalesce(sector_rates.conversion_ratio, 0)', prior_view_count,
        ) }} as brand_last_3_conversion_ratio,
        {{ smoothed_ratio(
            'brand_pasts.unit_count', 'brand_pasts.initial_stock_count',
            'coalesce(sector_rates.sell_through_ratio, 0)', prior_stock_count,
        ) }} as brand_last_3_sell_through_ratio,
        {{ smoothed(
            'brand_pasts.turnover', 'brand_pasts.campaign_count',
            'coalesce(sector_rates.turnover, 0)', prior_campaign_count,
        ) }} as brand_last_3_turnover
    from described
    inner join days using (campaign_id, readable_at)
    inner join brand_days using (brand, readable_at)
    left join brand_pasts using (brand, readable_at)
    left join sector_rates using (sector, readable_at)
    left join price_levels using (campaign_id, as_of)
)

select * from final
