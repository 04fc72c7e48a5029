{%- set look_backs = [7, 30, 365] %}
{{ config(
    materialized='table_function',
    parameters='spine',
    contract={'enforced': false},
    persist_docs={'relation': false, 'columns': false},
) }}

with asked as (
    select
        customer_id,
        as_of
    from query_table(spine)
),

customers as (
    select * from {{ ref('int_customers') }}
),

ledger as (
    select * from {{ ref('int_customer_ledger') }}
),

favourites as (
    select * from {{ ref('int_customer_favourite_ledger') }}
),

final as (
    select
        asked.customer_id,
        asked.as_of,
        coalesce(customers.age_band, 'unknown') as age_band,
        coalesce(customers.gender, 'unknown') as gender,
        coalesce(customers.socio_professional_group, 'unknown') as socio_professional_group,
        coalesce(customers.country, 'unknown') as customer_country,
        coalesce(customers.demographic_cluster, 'unknown') as demographic_cluster,
        {{ not_negative(days_between('customers.signed_up_at', 'asked.as_of'), 0) }}
            as customer_seniority_days,
        {%- for days in look_backs %}
        {{ growth('order_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as customer_order_count_{{ days }}d,
        {{ growth('unit_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as customer_unit_count_{{ days }}d,
        {{ growth('turnover', 'ledger', 'before_' ~ days ~ 'd') }} as customer_turnover_{{ days }}d,
        {{ growth('session_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as customer_session_count_{{ days }}d,
        {{ growth('campaign_view_count', 'ledger', 'before_' ~ days ~ 'd') }}
        + {{ growth('product_view_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as customer_view_count_{{ days }}d,
        {{ growth('cart_count', 'ledger', 'before_' ~ days ~ 'd') }}
            as customer_cart_count_{{ days }}d,
        {%- endfor %}
        {{ not_negative(days_between('ledger.first_ordered_at', 'asked.as_of'), 730) }}
            as customer_days_since_first_purchase,
        {{ not_negative(days_between('ledger.last_ordered_at', 'asked.as_of'), 730) }}
            as customer_days_since_last_purchase,
        {{ not_negative(
            days_between(midnight('ledger.last_visited_on'), 'asked.as_of'), 730
        ) }} as customer_days_since_last_visit,
        {{ ratio(
            growth('turnover', 'ledger', 'before_365d'),
            growth('unit_count', 'ledger', 'before_365d'),
        ) }} as customer_average_price,
        {{ ratio(
            growth('unit_count', 'ledger', 'before_365d'),
            growth('order_count', 'ledger', 'before_365d'),
        ) }} as customer_basket_unit_count,
        {{ ratio(
            growth('turnover', 'ledger', 'before_365d'),
            growth('order_count', 'ledger', 'before_365d'),
        ) }} as customer_basket_turnover,
        greatest(1 - {{ ratio(
            growth('turnover', 'ledger', 'before_365d'),
            growth('list_value', 'ledger', 'before_365d'),
            otherwise=1,
        ) }}, 0) as customer_discount_ratio,
        {{ ratio(
            growth('return_unit_count', 'ledger', 'before_365d'),
            growth('unit_count', 'ledger', 'before_365d'),
        ) }} as customer_return_ratio,
        coalesce(favourites.favourite_sector, 'unknown') as customer_favourite_sector
    from asked
    asof left join customers
        on asked.customer_id = customers.customer_id and asked.as_of >= customers.available_at
    asof left join ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    asof left join favourites
        on asked.customer_id = favourites.customer_id and asked.as_of >= favourites.available_at
    {%- for days in look_backs %}
    asof left join ledger as before_{{ days }}d
        on
            asked.customer_id = before_{{ days }}d.customer_id
            and asked.as_of - interval '{{ 24 * days }} hours' >= before_{{ days }}d.available_at
    {%- endfor %}
)

select * from final
