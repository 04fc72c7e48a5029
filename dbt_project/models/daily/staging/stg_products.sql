with source as (
    select * from {{ source('lake', 'products') }}
),

final as (
    select
        product_id,
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
        attributes,
        received_at
    from source
    where {{ is_new('received_at') }}
)

select * from final
