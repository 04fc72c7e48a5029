with source as (
    select * from {{ source('lake', 'orders') }}
),

final as (
    select
        order_id,
        line as line_number,
        customer_id,
        product_id,
        campaign_id,
        quantity as unit_count,
        unit_price,
        cast(quantity * unit_price as decimal(18, 2)) as line_value,
        channel,
        kind,
        occurred_at,
        received_at,
        {{ utc_day('received_at') }} as received_on
    from source
    where {{ is_new('received_at') }}
)

select * from final
