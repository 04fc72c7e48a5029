{# Who is in which segment and behaviour group: the rules, and nothing else. A customer has one
   segment and may be in several groups; the groups look at the purchases of 365 days. #}

{% macro segment(first_ordered_at, order_count, is_top, as_of) -%}
    case
        when {{ first_ordered_at }} is null then 'prospect'
        when {{ order_count }} = 0 then 'inactive'
        when {{ days_between(first_ordered_at, as_of) }} <= 30 then 'new'
        when {{ is_top }} then 'top'
        else 'loyal'
    end
{%- endmacro %}

{# The first tenth by turnover, and nobody beyond it: of ten customers one, of nine none. #}
{% macro is_in_top_tenth(turnover_rank, customer_count) -%}
    (10 * {{ turnover_rank }} <= {{ customer_count }})
{%- endmacro %}

{# Fewer units than this tell nothing about habits. #}
{% macro has_habits(unit_count) -%}
    coalesce({{ unit_count }}, 0) >= 3
{%- endmacro %}

{# At least half of the units were among the 100 best of the customer's age band in the week before. #}
{% macro follows_bestsellers(bestseller_unit_count, unit_count) -%}
    ({{ has_habits(unit_count) }} and {{ bestseller_unit_count }} >= 0.5 * {{ unit_count }})
{%- endmacro %}

{# At least nine of ten units were of one sector. #}
{% macro buys_in_one_sector(sector_unit_count, unit_count) -%}
    ({{ has_habits(unit_count) }} and {{ sector_unit_count }} >= 0.9 * {{ unit_count }})
{%- endmacro %}

{# At least nine of ten units were below their list price. #}
{% macro buys_discounts_only(discounted_unit_count, unit_count) -%}
    ({{ has_habits(unit_count) }} and {{ discounted_unit_count }} >= 0.9 * {{ unit_count }})
{%- endmacro %}

{# At least eight of ten units were bought in one season, by somebody who came a year ago or more. #}
{% macro buys_in_one_season(season_unit_count, unit_count, first_ordered_at, as_of) -%}
    (
        {{ has_habits(unit_count) }} and {{ season_unit_count }} >= 0.8 * {{ unit_count }}
        and {{ days_between(first_ordered_at, as_of) }} >= 365
    )
{%- endmacro %}

{# Whom a customer seems to buy for oneself as: at least eight of ten units made for women or men are
   made for one of them. #}
{% macro likely_gender(women_unit_count, men_unit_count) -%}
    case
        when coalesce({{ women_unit_count }} + {{ men_unit_count }}, 0) = 0 then 'unknown'
        when {{ women_unit_count }} >= 4 * {{ men_unit_count }} then 'female'
        when {{ men_unit_count }} >= 4 * {{ women_unit_count }} then 'male'
        else 'both'
    end
{%- endmacro %}
