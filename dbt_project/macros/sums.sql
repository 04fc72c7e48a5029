{# The rows of `new`, and in an increment what this table holds of the same keys: their sums are what
   a build of all history would give. #}
{% macro with_sums_before(new, key, measures) -%}
    {%- set columns = (key + measures) | join(", ") -%}
    select {{ columns }} from {{ new }}
    {%- if is_incremental() %}
    union all
    select {{ columns }} from {{ this }}
    semi join {{ new }} using ({{ key | join(", ") }})
    {%- endif %}
{%- endmacro %}

{# How many campaigns of a group of windows had a view or an order. #}
{% macro active_campaign_count(prefix="") -%}
    count(distinct {{ prefix }}campaign_id) filter (
        where {{ prefix }}view_count > 0 or {{ prefix }}order_count > 0
    )
{%- endmacro %}
