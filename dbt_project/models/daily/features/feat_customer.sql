{%- set look_backs = [7, 30, 365] %}

with asked as (
    select
        customer_id,
        as_of
    from query_table(spine)
),

-- An as-of join sorts all that it is given: leave out who is not asked about.
customers as (
    select * from {{ ref('int_customers') }}
    semi join asked using (customer_id)
),

ledger as (
    select * from {{ ref('int_customer_ledger') }}
),

purchase_ledger as (
    select * from {{ ref('int_customer_purchase_ledger') }}
),

taste_ledger as (
    select * from {{ ref('int_customer_taste_ledger') }}
),

view_ledger as (
    select * from {{ ref('int_customer_view_ledger') }}
),

email_ledger as (
    select * from {{ ref('int_customer_email_ledger') }}
),

favourites as (
    select * from {{ ref('int_customer_favourite_ledger') }}
    semi join asked using (customer_id)
),

sub_sectors as (
    select * from {{ ref('int_customer_favourite_sub_sector_ledger') }}
    semi join asked using (customer_id)
),

catalogue_prices as (
    select * from {{ ref('int_catalogue_prices') }}
),

-- The whole catalogue's price ladders.
steps as (
    select * from catalogue_prices
    where sector = 'all'
),

activity as (
    select
        {%- for days in look_backs %}
        {{ grown('order_count', days) }} as order_count_{{ days }}d,
        {{ grown('unit_count', days) }} as unit_count_{{ days }}d,
        {{ grown('turnover', days) }} as turnover_{{ days }}d,
        {{ grown('session_count', days) }} as session_count_{{ days }}d,
        {{ grown('campaign_view_count', days) }}
        + {{ grown('product_view_count', days) }} as view_count_{{ days }}d,
        {{ grown('cart_count', days) }} as cart_count_{{ days }}d,
        {%- endfor %}
        {{ grown('list_value', 365) }} as list_value_365d,
        {{ grown('distinct_order_count', 365) }} as distinct_order_count_365d,
        {{ grown('return_unit_count', 365) }} as return_unit_count_365d,
        min(ledger.first_ordered_at) as first_ordered_at,
        max(ledger.last_ordered_at) as last_ordered_at,
        max(ledger.last_visited_on) as last_visited_on,
        asked.customer_id,
        asked.as_of
    from asked
    inner join ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.as_of
),

purchases as (
    select
        {%- for days in [30, 365] %}
        {{ grown('campaign_count', days) }} as campaign_count_{{ days }}d,
        {{ grown('product_count', days) }} as product_count_{{ days }}d,
        {%- endfor %}
        {%- for channel in channel_classes() %}
        {{ grown(channel ~ '_unit_count', 365) }} as {{ channel }}_unit_count_365d,
        {%- endfor %}
        {{ grown('unit_count', 365) }} as unit_count_365d,
        asked.customer_id,
        asked.as_of
    from asked
    inner join purchase_ledger as ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.as_of
),

tastes as (
    select
        {%- for class in audience_classes() %}
        {{ grown(class ~ '_unit_count', 365) }} as {{ class }}_unit_count_365d,
        {%- endfor %}
        {%- for class in colour_classes() %}
        {{ grown_since(class ~ '_unit_count', season_readable_from('as_of')) }}
            as {{ class }}_season_unit_count,
        {%- endfor %}
        asked.customer_id,
        asked.as_of
    from asked
    inner join taste_ledger as ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.as_of
),

views as (
    select
        {%- for days in [7, 30] %}
        {{ grown('viewed_campaign_count', days) }} as viewed_campaign_count_{{ days }}d,
        {{ grown('viewed_product_count', days) }} as viewed_product_count_{{ days }}d,
        {%- endfor %}
        asked.customer_id,
        asked.as_of
    from asked
    inner join view_ledger as ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.as_of
),

emails as (
    select
        {%- for days in [7, 30] %}
        {{ grown('opened_count', days) }} as opened_count_{{ days }}d,
        {{ grown('clicked_count', days) }} as clicked_count_{{ days }}d,
        {%- endfor %}
        asked.customer_id,
        asked.as_of
    from asked
    inner join email_ledger as ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.as_of
),

described as (
    select
        asked.*,
        customers.* exclude (customer_id, available_at),
        favourites.favourite_sector,
        sub_sectors.favourite['sub_sector'] as favourite_sub_sector
    from asked
    asof left join customers
        on asked.customer_id = customers.customer_id and asked.as_of >= customers.available_at
    asof left join favourites
        on asked.customer_id = favourites.customer_id and asked.as_of >= favourites.available_at
    asof left join sub_sectors
        on asked.customer_id = sub_sectors.customer_id and asked.as_of >= sub_sectors.available_at
),

asked_instants as (
    select distinct as_of from asked
),

ladder_ends as (
    select distinct available_at from steps
),

ladders as (
    select
        asked_instants.as_of,
        ladder_ends.available_at
    from asked_instants
    asof inner join ladder_ends on asked_instants.as_of >= ladder_ends.available_at
),

prices as (
    select
        activity.customer_id,
        activity.as_of,
        ladders.available_at,
        round(activity.turnover_365d / activity.unit_count_365d, 4) as average_price
    from activity
    inner join ladders using (as_of)
    where activity.unit_count_365d > 0
),

purchase_power as (
    select
        prices.customer_id,
        prices.as_of,
        coalesce(steps.price_quantile, 0) as price_quantile
    from prices
    asof left join steps
        on prices.available_at = steps.available_at and prices.average_price >= steps.price
),

final as (
    select
        described.customer_id,
        described.as_of,
        coalesce(described.age_band, 'unknown') as age_band,
        coalesce(described.gender, 'unknown') as gender,
        coalesce(described.socio_professional_group, 'unknown') as socio_professional_group,
        coalesce(described.country, 'unknown') as customer_country,
        coalesce(described.demographic_cluster, 'unknown') as demographic_cluster,
        {{ not_negative(days_between('described.signed_up_at', 'described.as_of'), 0) }}
            as customer_seniority_days,
        {%- for days in look_backs %}
        {%- for measure in ['order', 'unit'] %}
        coalesce(activity.{{ measure }}_count_{{ days }}d, 0)
            as customer_{{ measure }}_count_{{ days }}d,
        {%- endfor %}
        coalesce(activity.turnover_{{ days }}d, 0) as customer_turnover_{{ days }}d,
        {%- for measure in ['session', 'view', 'cart'] %}
        coalesce(activity.{{ measure }}_count_{{ days }}d, 0)
            as customer_{{ measure }}_count_{{ days }}d,
        {%- endfor %}
        {%- endfor %}
        {{ not_negative(days_between('activity.first_ordered_at', 'described.as_of'), 730) }}
            as customer_days_since_first_purchase,
        {{ not_negative(days_between('activity.last_ordered_at', 'described.as_of'), 730) }}
            as customer_days_since_last_purchase,
        {{ not_negative(
            days_between(midnight('activity.last_visited_on'), 'described.as_of'), 730
        ) }} as customer_days_since_last_visit,
        {{ ratio('activity.turnover_365d', 'activity.unit_count_365d') }}
            as customer_average_price,
        {{ ratio('activity.unit_count_365d', 'activity.distinct_order_count_365d') }}
            as customer_basket_unit_count,
        {{ ratio('activity.turnover_365d', 'activity.distinct_order_count_365d') }}
            as customer_basket_turnover,
        greatest(
            1 - {{ ratio('activity.turnover_365d', 'activity.list_value_365d', otherwise=1) }}, 0
        ) as customer_discount_ratio,
        {{ ratio('activity.return_unit_count_365d', 'activity.unit_count_365d') }}
            as customer_return_ratio,
        coalesce(described.favourite_sector, 'unknown') as customer_favourite_sector,
        coalesce(described.favourite_sub_sector, 'unknown') as customer_favourite_sub_sector,
        {%- for days in [30, 365] %}
        coalesce(purchases.campaign_count_{{ days }}d, 0)
            as customer_purchased_campaign_count_{{ days }}d,
        coalesce(purchases.product_count_{{ days }}d, 0)
            as customer_purchased_product_count_{{ days }}d,
        {%- endfor %}
        {%- for days in [7, 30] %}
        coalesce(views.viewed_campaign_count_{{ days }}d, 0)
            as customer_viewed_campaign_count_{{ days }}d,
        coalesce(views.viewed_product_count_{{ days }}d, 0)
            as customer_viewed_product_count_{{ days }}d,
        {%- endfor %}
        coalesce(purchase_power.price_quantile, 0.5) as customer_purchase_power_ratio,
        case
            when coalesce(purchases.unit_count_365d, 0) = 0 then 'unknown'
            else {{ largest(channel_classes(), 'purchases.', '_unit_count_365d', 'other') }}
        end as customer_favourite_channel,
        {{ largest(colour_classes(), 'tastes.', '_season_unit_count') }}
            as customer_favourite_colour,
        {%- for class in audience_classes() %}
        {{ ratio('tastes.' ~ class ~ '_unit_count_365d', 'activity.unit_count_365d') }}
            as customer_{{ class }}_unit_ratio,
        {%- endfor %}
        {%- for days in [7, 30] %}
        coalesce(emails.opened_count_{{ days }}d, 0) as customer_email_open_count_{{ days }}d,
        coalesce(emails.clicked_count_{{ days }}d, 0) as customer_email_click_count_{{ days }}d,
        {%- endfor %}
        {{ likely_gender('tastes.women_unit_count_365d', 'tastes.men_unit_count_365d') }}
            as customer_likely_gender,
        coalesce(tastes.children_unit_count_365d, 0) > 0 as customer_buys_for_children
    from described
    left join activity using (customer_id, as_of)
    left join purchases using (customer_id, as_of)
    left join tastes using (customer_id, as_of)
    left join views using (customer_id, as_of)
    left join emails using (customer_id, as_of)
    left join purchase_power using (customer_id, as_of)
)

select * from final
