with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where {{ is_new('received_at') }}
),

days as (
    select
        customer_id,
        brand,
        {{ day_available_at('received_on') }} as available_at,
        sum(unit_count) as unit_count,
        sum(line_value) as turnover
    from order_lines
    where customer_id is not null and kind = 'sale'
    group by customer_id, brand, received_on
),

final as (
    {{ ledger(
        'days',
        key=['customer_id', 'brand'],
        sums={'unit_count': 'bigint', 'turnover': 'decimal(18, 2)'},
    ) }}
)

select * from final
