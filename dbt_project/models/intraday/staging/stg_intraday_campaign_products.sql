with source as (
    select * from {{ source('lake', 'campaign_products') }}
),

final as (
    select
        campaign_id,
        product_id,
        initial_stock as initial_stock_count,
        received_at
    from source
    where {{ is_new('received_at') }}
)

select * from final
