with asked as (
    select as_of from query_table(spine)
),

on_sale as (
    select * from {{ ref('int_on_sale') }}
),

final as (
    select
        asked.as_of,
        on_sale.campaign_id,
        on_sale.product_id,
        on_sale.price,
        on_sale.stock_left_count as stock_left
    from asked
    inner join on_sale on asked.as_of >= on_sale.from_at and asked.as_of < on_sale.until_at
)

select * from final
