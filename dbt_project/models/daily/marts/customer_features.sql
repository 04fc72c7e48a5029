{{ config(materialized='view') }}

with features as (
    select * from {{ ref('feat_customer') }}('{{ ref("customers_at_end") }}')
),

final as (
    select * from features
)

select * from final
