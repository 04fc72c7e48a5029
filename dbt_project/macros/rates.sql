{# Rates, and what they are drawn towards where little is known: a sector's towards the whole shop's,
   and the shop's towards a guess that lies strictly between 0 and 1, so that each of them does. A
   guess is a plain number, which the first few dozens of views, orders or units outweigh; a shop
   that lacks a table which the rate needs has no guess, and its rates stay 0. #}

{# Two orders in a hundred page views, as many shops count. #}
{% macro guessed_conversion_ratio() -%}
    {{ return(0.02 if is_provided(['orders', 'events']) else 0) }}
{%- endmacro %}

{# Half of the stock: nothing speaks for more or for less. #}
{% macro guessed_sell_through_ratio() -%}
    {{ return(0.5 if is_provided(['orders', 'campaign_products']) else 0) }}
{%- endmacro %}

{# The share of all orders that one of twenty campaigns has. #}
{% macro guessed_purchase_ratio() -%}
    {{ return(0.05 if is_provided(['orders']) else 0) }}
{%- endmacro %}

{# Whether the shop has all of these contract tables. #}
{% macro is_provided(tables) -%}
    {{ return(tables | reject('in', var('provided_tables')) | list | length == 0) }}
{%- endmacro %}

{# An average of `total` over `base`, with so much more of base at the average of `prior`. #}
{% macro smoothed(total, base, prior, weight) -%}
    (coalesce({{ total }}, 0) + {{ weight }} * {{ prior }}) / (coalesce({{ base }}, 0) + {{ weight }})
{%- endmacro %}

{# The same of a part, which counts at most as much as its base: between 0 and 1 if the prior is. #}
{% macro smoothed_ratio(part, base, prior, weight) -%}
    {{ smoothed("least(coalesce(" ~ part ~ ", 0), coalesce(" ~ base ~ ", 0))", base, prior, weight) }}
{%- endmacro %}
