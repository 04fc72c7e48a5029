{# First instant that this build knows nothing of. #}
{% macro end_at() -%}
    timestamptz '{{ var("end_at") }}'
{%- endmacro %}

{# What was received before is in the file already: an increment adds what came since. #}
{% macro base_end_at() -%}
    timestamptz '{{ var("base_end_at") }}'
{%- endmacro %}

{# Whether a row was received since the base, and is known to this build. #}
{% macro is_new(received_at) -%}
    {{ received_at }} >= {{ base_end_at() }} and {{ received_at }} < {{ end_at() }}
{%- endmacro %}

{# The same for the rows of a whole UTC day of receipt, of which none is known before its end. #}
{% macro is_new_day(received_on) -%}
    {{ midnight(received_on ~ " + 1") }} > {{ base_end_at() }}
    and {{ midnight(received_on ~ " + 1") }} <= {{ end_at() }}
{%- endmacro %}

{# The same for the rows of a 15-minute window of receipt. #}
{% macro is_new_window(window_start_at) -%}
    {{ window_start_at }} >= {{ base_end_at() }}
    and {{ window_start_at }} + interval '15 minutes' <= {{ end_at() }}
{%- endmacro %}

{# The same for the rows of a day ledger, old ones of which became readable earlier. #}
{% macro is_new_in_ledger(available_at) -%}
    {{ available_at }}
    > {{ base_end_at() }} + interval '{{ var("day_features_delay_minutes") }} minutes'
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
    ({{ window_start_at }} + {{ window_delay() }})
{%- endmacro %}

{% macro window_delay() -%}
    interval '{{ 15 + var("intraday_delay_minutes") | int }} minutes'
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
