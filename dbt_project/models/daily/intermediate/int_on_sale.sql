{{ config(materialized='view') }}

with spans as (
    select * from {{ ref('int_offer_spans') }}
),

final as (
    select
        campaign_id,
        product_id,
        from_at,
        until_at,
        price,
        stock_left_count
    from spans
    where from_at is not null
)

select * from final
