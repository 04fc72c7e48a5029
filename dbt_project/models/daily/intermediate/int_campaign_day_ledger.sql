with campaign_days as (
    select * from {{ ref('int_campaign_days') }}
),

days as (
    select
        {{ day_available_at('received_on') }} as available_at,
        campaign_days.*
    from campaign_days
),

final as (
    {{ ledger(
        'days',
        key=['campaign_id'],
        sums={
            'impression_count': 'bigint',
            'view_count': 'bigint',
            'order_count': 'bigint',
            'buyer_count': 'bigint',
            'unit_count': 'bigint',
            'return_unit_count': 'bigint',
            'turnover': 'decimal(18, 2)',
        },
        lasts=['last_sold_at'],
    ) }}
)

select * from final
