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
