{# Every row of a day ledger becomes readable at a fixed time of the day. So a read as of any
   instant, or any number of whole days before it, equals the read as of the last such time; and a
   spine of a million instants needs one read a day. #}
{% macro last_readable_day_at(as_of) -%}
    {%- set delay = "interval '" ~ var("day_features_delay_minutes") ~ " minutes'" -%}
    ({{ midnight(utc_day(as_of ~ " - " ~ delay)) }} + {{ delay }})
{%- endmacro %}

{# The same for a window ledger, whose rows become readable every 15 minutes. #}
{% macro last_readable_window_at(as_of) -%}
    {%- set delay = "interval '" ~ var("intraday_delay_minutes") ~ " minutes'" -%}
    (to_timestamp(900 * (epoch_us({{ as_of }} - {{ delay }}) // 900000000)) + {{ delay }})
{%- endmacro %}

{# Whether the kept windows can answer about an instant; a question that they cannot answer is an
   error, since a look-back into windows that are not kept would be too small without a word. #}
{% macro is_answerable(as_of) -%}
    ({{ as_of }} >= timestamptz '{{ var("exact_from_at") }}'
    or error('the windows that are kept answer from {{ var("exact_from_at") }} on, not at '
        || cast({{ as_of }} as varchar) || '; set VITRINE_INTRADAY_HISTORY_DAYS higher'))
{%- endmacro %}
