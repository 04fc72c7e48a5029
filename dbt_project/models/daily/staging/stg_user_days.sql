with source as (
    select * from {{ source('deltas', 'user_days') }}
),

final as (
    select
        customer_id,
        occurred_on,
        session_count,
        impression_count,
        campaign_view_count,
        product_view_count,
        cart_count,
        order_count,
        unit_count,
        cast(turnover as decimal(18, 2)) as turnover,
        return_unit_count,
        cast(return_value as decimal(18, 2)) as return_value,
        ds as received_on
    from source
    where {{ is_new_day('ds') }}
)

select * from final
