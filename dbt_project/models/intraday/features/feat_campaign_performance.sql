{%- set look_backs = {'15min': 15, '1h': 60, '4h': 240, '24h': 1440} %}
{#- A fresh campaign counts as this many views at its sector's conversion rate. #}
{%- set prior_view_count = 50 %}
{{ config(
    materialized='table_function',
    parameters='spine',
    contract={'enforced': false},
    persist_docs={'relation': false, 'columns': false},
) }}

with asked as (
    select
        campaign_id,
        as_of
    from query_table(spine)
),

campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

stock_ledger as (
    select * from {{ ref('int_campaign_stock_ledger') }}
),

ledger as (
    select * from {{ ref('int_campaign_window_ledger') }}
),

shop_ledger as (
    select * from {{ ref('int_shop_window_ledger') }}
),

sector_ledger as (
    select * from {{ ref('int_sector_window_ledger') }}
),

described as (
    select
        asked.*,
        coalesce(campaigns.sector, 'unknown') as sector
    from asked
    asof left join campaigns
        on asked.campaign_id = campaigns.campaign_id and asked.as_of >= campaigns.available_at
),

grown as (
    select
        described.campaign_id,
        described.as_of,
        {%- for name in look_backs %}
        {%- for measure in ['visitor_count', 'view_count', 'cart_count', 'order_count',
                            'unit_count', 'turnover'] %}
        {{ growth(measure, 'ledger', 'before_' ~ name) }} as {{ measure }}_{{ name }},
        {%- endfor %}
        {%- endfor %}
        {{ growth('order_count', 'shop_ledger', 'shop_before_4h') }} as shop_order_count_4h,
        {{ growth('order_count', 'sector_ledger', 'sector_before_28d') }} as sector_order_count_28d,
        {{ growth('view_count', 'sector_ledger', 'sector_before_28d') }} as sector_view_count_28d,
        ledger.cumulative_unit_count as unit_count,
        stock_ledger.cumulative_initial_stock_count as initial_stock_count
    from described
    asof left join ledger
        on described.campaign_id = ledger.campaign_id and described.as_of >= ledger.available_at
    {%- for name, minutes in look_backs.items() %}
    asof left join ledger as before_{{ name }}
        on
            described.campaign_id = before_{{ name }}.campaign_id
            and described.as_of - interval '{{ minutes }} minutes'
            >= before_{{ name }}.available_at
    {%- endfor %}
    asof left join stock_ledger
        on
            described.campaign_id = stock_ledger.campaign_id
            and described.as_of >= stock_ledger.available_at
    asof left join shop_ledger on described.as_of >= shop_ledger.available_at
    asof left join shop_ledger as shop_before_4h
        on described.as_of - interval '4 hours' >= shop_before_4h.available_at
    asof left join sector_ledger
        on described.sector = sector_ledger.sector and described.as_of >= sector_ledger.available_at
    asof left join sector_ledger as sector_before_28d
        on
            described.sector = sector_before_28d.sector
            and described.as_of - interval '672 hours' >= sector_before_28d.available_at
),

final as (
    select
        campaign_id,
        as_of,
        turnover_15min as campaign_turnover_15min,
        view_count_15min / 15 as campaign_views_per_minute_15min,
        visitor_count_1h as campaign_visitor_count_1h,
        cart_count_1h as campaign_cart_count_1h,
        turnover_1h as campaign_turnover_1h,
        (
            order_count_1h
            + {{ prior_view_count }} * {{ ratio('sector_order_count_28d', 'sector_view_count_28d') }}
        ) / (view_count_1h + {{ prior_view_count }}) as campaign_conversion_ratio_1h,
        unit_count_4h as campaign_unit_count_4h,
        {{ ratio('order_count_4h', 'shop_order_count_4h') }} as campaign_purchase_ratio_4h,
        unit_count_24h as campaign_unit_count_24h,
        turnover_24h as campaign_turnover_24h,
        view_count_24h as campaign_view_count_24h,
        least({{ ratio('coalesce(unit_count, 0)', 'initial_stock_count') }}, 1)
            as campaign_sell_through_ratio
    from grown
)

select * from final
