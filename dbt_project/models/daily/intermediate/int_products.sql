{%- set description -%}
    name, description, brand, sector, sub_sector, colour, audience, life_stage, unit_cost,
    list_price, cast(attributes as varchar)
{%- endset %}

with products as (
    select * from {{ ref('stg_products') }}
),

known as (
    select
        product_id,
        received_at as available_at,
        name,
        description,
        brand,
        sector,
        sub_sector,
        colour,
        audience,
        life_stage,
        unit_cost,
        list_price,
        attributes
    from products
),

final as (
    select * from known
    qualify
        row({{ description }})
        is distinct from
        lag(row({{ description }})) over (partition by product_id order by available_at)
)

select * from final
