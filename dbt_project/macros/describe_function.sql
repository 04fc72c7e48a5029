{# persist_docs comments on tables only: a function gets its model's description here. #}
{% macro describe_function() -%}
    {%- if model.config.materialized == 'table_function' -%}
    comment on macro table {{ this }} is {{ duckdb_escape_comment(model.description) }}
    {%- endif -%}
{%- endmacro %}
