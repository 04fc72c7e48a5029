with source as (
    select * from {{ source('lake', 'customers') }}
),

final as (
    select
        customer_id,
        signed_up_at,
        birth_year,
        gender,
        socio_professional_group,
        country,
        language,
        timezone,
        demographic_cluster,
        received_at
    from source
    where {{ is_new('received_at') }}
)

select * from final
