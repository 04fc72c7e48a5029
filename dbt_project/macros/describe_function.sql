{# persist_docs comments on tables only. A function gets its model's description, and a line for
   each of its columns, which DuckDB has no other place for. #}
{% macro describe_function() -%}
    {%- if model.config.materialized == 'table_function' -%}
    {%- set lines = [model.description | trim] -%}
    {%- for column in model.columns.values() -%}
        {%- do lines.append(column.name ~ ' ' ~ column.data_type ~ ': ' ~ column.description | trim) -%}
    {%- endfor -%}
    comment on macro table {{ this }} is {{ duckdb_escape_comment(lines | join('\n')) }}
    {%- endif -%}
{%- endmacro %}
