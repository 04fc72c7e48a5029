{# As-of reads by aggregation, for ledgers of few rows a key (customers): join the spine to the
   ledger's rows with available_at <= as_of, group by the spine's key. Cumulative measures never
   fall, so the newest row's is the largest; that is cheaper than one sorted join a look-back. #}
{% macro read(measure, until=none) -%}
    coalesce(
        max(cumulative_{{ measure }})
        {%- if until %} filter (where available_at <= {{ until }}){% endif %}, 0
    )
{%- endmacro %}

{# What a measure grew by in the last days, as a number. #}
{% macro grown(measure, days) -%}
    cast(
        {{ read(measure) }} - {{ read(measure, "as_of - interval '" ~ 24 * days ~ " hours'") }}
        as double
    )
{%- endmacro %}

{# What a measure grew by from so many days ago to so many days ago, as a number. #}
{% macro grown_between(measure, earlier_days, later_days) -%}
    cast(
        {{ read(measure, "as_of - interval '" ~ 24 * later_days ~ " hours'") }}
        - {{ read(measure, "as_of - interval '" ~ 24 * earlier_days ~ " hours'") }}
        as double
    )
{%- endmacro %}

{# What a measure grew by since an instant, as a number. #}
{% macro grown_since(measure, instant) -%}
    cast({{ read(measure) }} - {{ read(measure, instant) }} as double)
{%- endmacro %}

{# Whether a UTC day of receipt lies in a week, Monday to Sunday, that ended with this build. #}
{% macro is_in_new_week(received_on) -%}
    {{ received_on }} >= date_trunc('week', {{ utc_day(base_end_at()) }})
    and {{ received_on }} < date_trunc('week', {{ utc_day(end_at()) }})
{%- endmacro %}
