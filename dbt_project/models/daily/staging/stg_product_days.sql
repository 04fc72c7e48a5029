with source as (
    select * from {{ source('deltas', 'product_days') }}
),

final as (
    select
        product_id,
        occurred_on,
        view_count,
        cart_count,
        order_count,
        buyer_count,
        unit_count,
        cast(turnover as decimal(18, 2)) as turnover,
        return_unit_count,
        ds as received_on
    from source
    where {{ is_new_day('ds') }}
)

select * from final
