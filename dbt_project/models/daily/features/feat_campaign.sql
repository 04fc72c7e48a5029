{%- set look_backs = [1, 7, 28] %}
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

described as (
    select
        asked.*,
        coalesce(campaigns.brand, 'unknown') as brand,
        coalesce(campaigns.business_type, 'unknown') as business_type,
        coalesce(campaigns.sector, 'unknown') as sector,
        coalesce(campaigns.sub_sector, 'unknown') as sub_sector,
        coalesce(campaigns.country, 'unknown') as campaign_country,
        coalesce(
            {{ minutes_between('campaigns.opens_at', 'campaigns.closes_at') }} / 60, 720
        ) as campaign_duration_hours
    from asked
    asof left join campaigns
        on asked.campaign_id = campaigns.campaign_id and asked.as_of >= campaigns.available_at
),

final as (
    select
        described.*,
        cast(coalesce(assortment.cumulative_product_count, 0) as double) as campaign_product_count,
        {{ ratio('assortment.cumulative_price_sum', 'assortment.cumulative_product_count') }}
            as campaign_average_price,
        greatest(1 - {{ ratio(
            'assortment.cumulative_price_sum', 'assortment.cumulative_list_price_sum', otherwise=1
        ) }}, 0) as campaign_discount_ratio,
        {%- for days in look_backs %}
        {{ growth('unit_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as campaign_unit_count_{{ days }}d,
        {{ growth('turnover', 'ledger', 'before_' ~ days ~ 'd') }} as campaign_turnover_{{ days }}d,
        {{ growth('buyer_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as campaign_buyer_count_{{ days }}d,
        {{ growth('view_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as campaign_view_count_{{ days }}d,
        {%- endfor %}
        ({{ growth('unit_count', 'ledger', 'before_7d') }} + 1)
        / ({{ growth('unit_count', 'ledger', 'before_28d') }} / 4 + 1) as campaign_trend_ratio,
        {{ ratio('ledger.cumulative_return_unit_count', 'ledger.cumulative_unit_count') }}
            as campaign_return_ratio,
        {{ not_negative(days_between('ledger.last_sold_at', 'described.as_of'), 730) }}
            as campaign_days_since_last_sale,
        {{ growth('unit_count', 'brand_ledger', 'brand_before_28d') }} as brand_unit_count_28d,
        {{ growth('unit_count', 'brand_ledger', 'brand_before_365d') }} as brand_unit_count_365d,
        {{ growth('turnover', 'brand_ledger', 'brand_before_365d') }} as brand_turnover_365d
    from described
    asof left join assortment
        on
            described.campaign_id = assortment.campaign_id
            and described.as_of >= assortment.available_at
    asof left join ledger
        on described.campaign_id = ledger.campaign_id and described.as_of >= ledger.available_at
    {%- for days in look_backs %}
    asof left join ledger as before_{{ days }}d
        on
            described.campaign_id = before_{{ days }}d.campaign_id
            and described.as_of - interval '{{ 24 * days }} hours'
            >= before_{{ days }}d.available_at
    {%- endfor %}
    asof left join brand_ledger
        on described.brand = brand_ledger.brand and described.as_of >= brand_ledger.available_at
    {%- for days in [28, 365] %}
    asof left join brand_ledger as brand_before_{{ days }}d
        on
            described.brand = brand_before_{{ days }}d.brand
            and described.as_of - interval '{{ 24 * days }} hours'
            >= brand_before_{{ days }}d.available_at
    {%- endfor %}
)

select * from final
