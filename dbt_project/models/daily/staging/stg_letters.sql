with source as (
    select * from {{ source('lists', 'letters') }}
),

final as (
    select
        message_id,
        customer_id,
        list as list_name,
        night,
        send_at,
        segment,
        strategy,
        arm,
        arm_propensity,
        list_transform(campaigns, lambda c: c['campaign_id']) as campaign_ids,
        list_transform(products, lambda p: {
            'product_id': p['product_id'],
            'campaign_id': p['campaign_id'],
            'probability': p['probability']
        }) as products
    from source
    where {{ is_new_day('night') }}
)

select * from final
