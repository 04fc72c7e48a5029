{# First instant that this build knows nothing of. #}
{% macro end_at() -%}
    timestamptz '{{ var("end_at") }}'
{%- endmacro %}

{# UTC day of an instant, whatever the reader's time zone is. #}
{% macro utc_day(instant) -%}
    cast(({{ instant }}) at time zone 'UTC' as date)
{%- endmacro %}

{# First instant of a UTC day. #}
{% macro midnight(day) -%}
    (cast({{ day }} as timestamp) at time zone 'UTC')
{%- endmacro %}

{# First instant at which production could have read the features of a UTC day of receipt. #}
{% macro day_available_at(received_on) -%}
    ({{ midnight(received_on ~ " + 1") }} + interval '{{ var("day_features_delay_minutes") }} minutes')
{%- endmacro %}

{# First instant at which production could have read the features of a 15-minute window. #}
{% macro window_available_at(window_start_at) -%}
    ({{ window_start_at }} + interval '{{ 15 + var("intraday_delay_minutes") | int }} minutes')
{%- endmacro %}

{# Days from one instant to another. An interval of hours is exact in every session's time zone,
   one of days is not. #}
{% macro days_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 86400e6)
{%- endmacro %}

{% macro minutes_between(earlier, later) -%}
    ((epoch_us({{ later }}) - epoch_us({{ earlier }})) / 60e6)
{%- endmacro %}

{# A span of time, or `otherwise` where it is unknown; what lies ahead counts as now.
   greatest() passes over nulls, so they are replaced inside. #}
{% macro not_negative(span, otherwise) -%}
    cast(greatest(coalesce({{ span }}, {{ otherwise }}), 0) as double)
{%- endmacro %}
