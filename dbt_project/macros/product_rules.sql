{# How a product's sales move, from its last eight weeks: `emerging` was not sold before them and
   grows; else ten per cent of the mean a week, up or down, is a trend. #}
{% macro trend(momentum_ratio, unit_count_56d, unit_count) -%}
    case
        when coalesce({{ unit_count }}, 0) = 0 then 'unknown'
        when {{ unit_count_56d }} = 0 then 'declining'
        when {{ unit_count_56d }} = {{ unit_count }} and {{ momentum_ratio }} > 0 then 'emerging'
        when {{ momentum_ratio }} >= 0.1 then 'trending'
        when {{ momentum_ratio }} <= -0.1 then 'declining'
        else 'stable'
    end
{%- endmacro %}
