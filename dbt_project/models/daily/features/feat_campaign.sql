{%- set look_backs = [1, 7, 28] %}
{%- set brand_look_backs = [28, 365] %}
{{ config(
    materialized='table_function',
    parameters='spine',
    contract={'enforced': false},
    persist_docs={'relation': false, 'columns': false},
) }}

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
        {%- for days in look_backs %}
        {{ growth('unit_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as campaign_unit_count_{{ days }}d,
        {{ growth('turnover', 'ledger', 'before_' ~ days ~ 'd') }} as campaign_turnover_{{ days }}d,
        {{ growth('buyer_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as campaign_buyer_count_{{ days }}d,
        {{ growth('view_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as campaign_view_count_{{ days }}d,
        {%- endfor %}
        {{ ratio('ledger.cumulative_return_unit_count', 'ledger.cumulative_unit_count') }}
            as campaign_return_ratio,
        ledger.last_sold_at
    from asked_days
    asof left join ledger
        on
            asked_days.campaign_id = ledger.campaign_id
            and asked_days.readable_at >= ledger.available_at
    {%- for days in look_backs %}
    asof left join ledger as before_{{ days }}d
        on
            asked_days.campaign_id = before_{{ days }}d.campaign_id
            and asked_days.readable_at - interval '{{ 24 * days }} hours'
            >= before_{{ days }}d.available_at
    {%- endfor %}
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
    asof left join brand_ledger
        on
            asked_brand_days.brand = brand_ledger.brand
            and asked_brand_days.readable_at >= brand_ledger.available_at
    {%- for days in brand_look_backs %}
    asof left join brand_ledger as before_{{ days }}d
        on
            asked_brand_days.brand = before_{{ days }}d.brand
            and asked_brand_days.readable_at - interval '{{ 24 * days }} hours'
            >= before_{{ days }}d.available_at
    {%- endfor %}
),

final as (
    select
        described.campaign_id,
        described.as_of,
        described.brand,
        described.business_type,
        described.sector,
        described.sub_sector,
        described.campaign_country,
        described.campaign_duration_hours,
        described.campaign_product_count,
        described.campaign_average_price,
        described.campaign_discount_ratio,
        {%- for days in look_backs %}
        days.campaign_unit_count_{{ days }}d,
        days.campaign_turnover_{{ days }}d,
        days.campaign_buyer_count_{{ days }}d,
        days.campaign_view_count_{{ days }}d,
        {%- endfor %}
        (days.campaign_unit_count_7d + 1)
        / (days.campaign_unit_count_28d / 4 + 1) as campaign_trend_ratio,
        days.campaign_return_ratio,
        {{ not_negative(days_between('days.last_sold_at', 'described.as_of'), 730) }}
            as campaign_days_since_last_sale,
        brand_days.brand_unit_count_28d,
        brand_days.brand_unit_count_365d,
        brand_days.brand_turnover_365d
    from described
    inner join days using (campaign_id, readable_at)
    inner join brand_days using (brand, readable_at)
)

select * from final
