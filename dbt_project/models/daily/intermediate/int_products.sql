{%- set description -%}
    name, description, brand, sector, sub_sector, colour, audience, life_stage, unit_cost,
    list_price, cast(attributes as varchar)
{%- endset %}

with products as (
    select * from {{ ref('stg_products') }}
),

described as (
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

known as (
    {{ with_versions_before('described', ['product_id']) }}
),

final as (
    select * from known
    qualify {{ changed(description, ['product_id']) }}
)

select * from final
