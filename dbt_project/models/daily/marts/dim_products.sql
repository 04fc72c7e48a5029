with products as (
    select * from {{ ref('int_products') }}
),

ledger as (
    select * from {{ ref('int_product_ledger') }}
),

newest as (
    select * from products
    qualify row_number() over (partition by product_id order by available_at desc) = 1
),

totals as (
    select * from ledger
    qualify row_number() over (partition by product_id order by available_at desc) = 1
),

final as (
    select
        newest.product_id,
        newest.name,
        newest.description,
        newest.brand,
        newest.sector,
        newest.sub_sector,
        newest.colour,
        newest.audience,
        newest.life_stage,
        newest.unit_cost,
        newest.list_price,
        newest.attributes,
        coalesce(totals.cumulative_view_count, 0) as view_count,
        coalesce(totals.cumulative_order_count, 0) as order_count,
        coalesce(totals.cumulative_unit_count, 0) as unit_count,
        coalesce(totals.cumulative_turnover, 0) as turnover
    from newest
    left join totals using (product_id)
)

select * from final
