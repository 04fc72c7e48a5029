with source as (
    select * from {{ source('deltas', 'user_sector_days') }}
),

final as (
    select
        customer_id,
        sector,
        occurred_on,
        view_count,
        cart_count,
        order_count,
        unit_count,
        cast(turnover as decimal(18, 2)) as turnover,
        ds as received_on
    from source
    where {{ is_new_day('ds') }}
)

select * from final
