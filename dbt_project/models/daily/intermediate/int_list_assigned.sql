with exclusions as (
    select * from {{ ref('stg_list_exclusions') }}
),

final as (
    select
        list_name,
        night,
        customer_id,
        assigned
    from exclusions
    where assigned is not null
)

select * from final
