-- A spine: it asks the feature functions about no customer in particular, and exists in every shop.
with build_info as (
    select * from {{ ref('build_info') }}
),

final as (
    select available_at as as_of from build_info
)

select * from final
