{# The rows of `new`, and in an increment the versions of the same things that were known before: a
   version begins where something changed, so the newest row of each thing must be seen. #}
{% macro with_versions_before(new, key) -%}
    select * from {{ new }}
    {%- if is_incremental() %}
    union all by name
    select * from {{ this }}
    semi join {{ new }} using ({{ key | join(", ") }})
    {%- endif %}
{%- endmacro %}

{# Versions of things that differ from the one before, among those received since the base. #}
{% macro changed(description, key) -%}
    {{ base_end_at() }} <= available_at
    and row({{ description }})
    is distinct from
    lag(row({{ description }})) over (partition by {{ key | join(", ") }} order by available_at)
{%- endmacro %}

{# Each version until the next one replaces it, for joins by key of many facts to few versions: as-of
   joins sort both sides. #}
{% macro held(versions, key) -%}
    select
        *,
        lead(available_at, 1, 'infinity') over (
            partition by {{ key }} order by available_at
        ) as replaced_at
    from {{ versions }}
{%- endmacro %}
