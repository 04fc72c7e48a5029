with letters as (
    select * from {{ ref('stg_letters') }}
),

final as (
    select * from letters
)

select * from final
