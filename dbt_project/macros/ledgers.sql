{# One cumulative column of a ledger whose rows are unique per key and available_at. #}
{% macro cumulative(measure, key, type="bigint") -%}
    cast(sum({{ measure }}) over (
        partition by {{ key }} order by available_at rows unbounded preceding
    ) as {{ type }}) as cumulative_{{ measure }}
{%- endmacro %}

{# What a cumulative measure grew by between two as-of reads of its ledger, as a number. A read that
   found no row is null: nothing had happened yet. #}
{% macro growth(measure, later, earlier) -%}
    cast(coalesce({{ later }}.cumulative_{{ measure }}, 0)
        - coalesce({{ earlier }}.cumulative_{{ measure }}, 0) as double)
{%- endmacro %}

{# A ratio that is `otherwise` where its base is missing or not positive. #}
{% macro ratio(part, base, otherwise=0) -%}
    coalesce(cast({{ part }} as double) / nullif(greatest({{ base }}, 0), 0), {{ otherwise }})
{%- endmacro %}
