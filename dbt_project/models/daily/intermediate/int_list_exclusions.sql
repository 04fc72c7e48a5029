with exclusions as (
    select * from {{ ref('stg_list_exclusions') }}
),

final as (
    select
        list_name,
        night,
        exclusion,
        count(*) as customer_count
    from exclusions
    group by all
)

select * from final
