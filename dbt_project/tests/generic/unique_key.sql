{# The columns together are unique, and none of them is null. In an increment only rows since the base
   are looked at, the others were when they came: by `available_at`, or by the column `since`. #}
{% test unique_key(model, columns, since=none) %}
    {%- set since = "available_at" if "available_at" in columns else since %}
    select
        {{ columns | join(", ") }},
        count(*) as row_count
    from {{ model }}
    {%- if since %}
    where {{ since }} >= {{ base_end_at() }}
    {%- endif %}
    group by {{ columns | join(", ") }}
    having
        count(*) > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}
{% endtest %}
