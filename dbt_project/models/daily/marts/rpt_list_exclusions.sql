{{ config(materialized='view') }}

with exclusions as (
    select * from {{ ref('int_list_exclusions') }}
),

final as (
    select * from exclusions
)

select * from final
