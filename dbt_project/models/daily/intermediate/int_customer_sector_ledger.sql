with user_sector_days as (
    select * from {{ ref('stg_user_sector_days') }}
),

days as (
    select
        customer_id,
        sector,
        {{ day_available_at('received_on') }} as available_at,
        sum(view_count) as view_count,
        sum(order_count) as order_count,
        sum(unit_count) as unit_count,
        sum(turnover) as turnover
    from user_sector_days
    group by customer_id, sector, received_on
),

final as (
    {{ ledger(
        'days',
        key=['customer_id', 'sector'],
        sums={
            'view_count': 'bigint',
            'order_count': 'bigint',
            'unit_count': 'bigint',
            'turnover': 'decimal(18, 2)',
        },
    ) }}
)

select * from final
