{# What customers and products are told apart by. A shop's own words become a few classes, so that
   counts per class are columns; the first class whose words occur holds. #}
{% macro colour_classes() -%}
    {{ return({
        'black': 'black|charcoal',
        'white': 'white|cream|ivory',
        'grey': 'gr[ea]y|silver|steel|metal(lic)?',
        'blue': 'blue|bluish|navy|teal|turquoise',
        'green': 'green|greenish|olive|khaki',
        'red': 'red|maroon|burgundy|bordeaux|rust',
        'pink': 'pink|rose|magenta|peach',
        'purple': 'purple|violet|lilac|lavender|mauve',
        'yellow': 'yellow|yellowish|gold|mustard|orange',
        'brown': 'brown|beige|tan|nude|taupe|camel|bronze|copper|mole',
    }) }}
{%- endmacro %}

{% macro audience_classes() -%}
    {{ return({
        'children': 'kids?|boys?|girls?|child|children|baby|babies',
        'women': 'wom[ae]n|ladies|lady|female|divided',
        'men': 'm[ae]n|menswear|male',
    }) }}
{%- endmacro %}

{% macro channel_classes() -%}
    {{ return({'web': 'web|online|internet', 'app': 'app|mobile', 'store': 'stores?|shops?'}) }}
{%- endmacro %}

{# Name the class of a text; `other` where it has none. Whole words count: `men` is not in `women`. #}
{% macro class_of(text, classes) -%}
    case
        {%- for class, words in classes.items() %}
        when regexp_matches(lower({{ text }}), '\b({{ words }})\b') then '{{ class }}'
        {%- endfor %}
        else 'other'
    end
{%- endmacro %}

{# Name the class with the most, ties to the one that stands first; `otherwise` where all are empty. #}
{% macro largest(classes, prefix="", suffix="", otherwise="unknown") -%}
    {%- set columns = [] -%}
    {%- for class in classes -%}
    {%- do columns.append(prefix ~ class ~ suffix) -%}
    {%- endfor -%}
    {{ largest_column(classes | list, columns, otherwise) }}
{%- endmacro %}

{% macro largest_column(names, columns, otherwise="unknown") -%}
    {%- set most = "greatest(" ~ columns | join(", ") ~ ")" -%}
    case
        when coalesce({{ most }}, 0) <= 0 then '{{ otherwise }}'
        {%- for name in names %}
        when {{ columns[loop.index0] }} = {{ most }} then '{{ name }}'
        {%- endfor %}
    end
{%- endmacro %}

{# Age bands of vitrine.demographics, and what their columns are called. #}
{% macro age_bands() -%}
    {{ return({
        '16-24': 'age_16_24',
        '25-34': 'age_25_34',
        '35-49': 'age_35_49',
        '50-64': 'age_50_64',
        '65+': 'age_65',
    }) }}
{%- endmacro %}

{# The age band in a demographic cluster such as female:35-49:FR. #}
{% macro age_band(demographic_cluster) -%}
    coalesce(nullif(split_part({{ demographic_cluster }}, ':', 2), ''), 'unknown')
{%- endmacro %}

{# Meteorological seasons: spring begins on the 1st of March. #}
{% macro seasons() -%}
    {{ return({'spring': 1, 'summer': 2, 'autumn': 3, 'winter': 0}) }}
{%- endmacro %}

{# The season of a UTC day as a number: winter 0, spring 1, summer 2, autumn 3. #}
{% macro season_of(day) -%}
    ((month({{ day }}) % 12) // 3)
{%- endmacro %}

{# First UTC day of the season of a UTC day; winter begins in the year before. #}
{% macro season_start_on(day) -%}
    cast(date_trunc('quarter', {{ day }} + interval '1 month') - interval '1 month' as date)
{%- endmacro %}

{# First instant at which anything received in the season of an instant could be read, less one
   day: what was readable then is not of this season. #}
{% macro season_readable_from(as_of) -%}
    ({{ midnight(season_start_on(utc_day(as_of))) }}
        + interval '{{ var("day_features_delay_minutes") }} minutes')
{%- endmacro %}
