{# The body of a ledger's CTE: one row per key and available_at of the relation `days`, whose measures
   are added up from the first row on. `sums` maps measures to the types of their running totals,
   of `firsts` and `lasts` the earliest and the latest value so far is kept. An increment goes on
   from the newest rows about its keys, and gives the rows that a build of all history would. #}
{% macro ledger(days, key, sums, firsts=[], lasts=[]) -%}
    {%- set subject = key | join(", ") -%}
    select
        {%- for column in key %}
        {{ column }},
        {%- endfor %}
        available_at
        {%- for measure, type in sums.items() %},
        cast(sum({{ measure }}) over until_now as {{ type }}) as cumulative_{{ measure }}
        {%- endfor %}
        {%- for measure in firsts %},
        min({{ measure }}) over until_now as {{ measure }}
        {%- endfor %}
        {%- for measure in lasts %},
        max({{ measure }}) over until_now as {{ measure }}
        {%- endfor %}
    from
        {%- if is_incremental() %} (
            select
                true as is_new,
                {{ (key + ["available_at"] + sums.keys() | list + firsts + lasts) | join(", ") }}
            from {{ days }}
            union all
            select false, * from ({{ newest_rows(days, key, sums, firsts + lasts) }})
        )
        {%- else %} {{ days }}
        {%- endif %}
    window until_now as (
        {%- if key %}partition by {{ subject }} {% endif -%}
        order by available_at rows unbounded preceding
    )
    {%- if is_incremental() %}
    qualify is_new
    {%- endif %}
{%- endmacro %}

{# The newest row of this ledger about each key that occurs in `days`, as if it were a day. #}
{% macro newest_rows(days, key, sums, others) -%}
    select
        {%- for column in key + ["available_at"] %}
        {{ column }},
        {%- endfor %}
        {{ (("cumulative_" ~ sums.keys() | join(", cumulative_")).split(", ") + others) | join(", ") }}
    from {{ this }}
    {%- if key %}
    semi join {{ days }} using ({{ key | join(", ") }})
    {%- endif %}
    qualify row_number() over (
        {%- if key %}partition by {{ key | join(", ") }} {% endif -%}
        order by available_at desc
    ) = 1
{%- endmacro %}

{# One cumulative column of a ledger whose rows are unique per key and available_at. #}
{% macro cumulative(measure, key, type="bigint") -%}
    cast(sum({{ measure }}) over (
        partition by {{ key }} order by available_at rows unbounded preceding
    ) as {{ type }}) as cumulative_{{ measure }}
{%- endmacro %}

{# As-of joins of a ledger: by its name the newest row at `readable_at` of each row of `asked`, and
   as before_<name> the newest row of so many minutes earlier. #}
{% macro look_back_joins(asked, ledger, key, look_backs) -%}
    asof left join {{ ledger }}
        on
            {{ same(asked, ledger, key) }}{{ asked }}.readable_at >= {{ ledger }}.available_at
    {%- for name, minutes in look_backs.items() %}
    asof left join {{ ledger }} as before_{{ name }}
        on
            {{ same(asked, "before_" ~ name, key) }}{{ asked }}.readable_at
            - interval '{{ minutes }} minutes' >= before_{{ name }}.available_at
    {%- endfor %}
{%- endmacro %}

{% macro same(left, right, key) -%}
    {%- for column in key %}{{ left }}.{{ column }} = {{ right }}.{{ column }} and {% endfor -%}
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
