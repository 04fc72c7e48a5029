with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where {{ is_new('received_at') }}
),

days as (
    select
        brand,
        {{ day_available_at('received_on') }} as available_at,
        count(distinct order_id) as order_count,
        sum(unit_count) as unit_count,
        sum(line_value) as turnover
    from order_lines
    -- Orders that came before their campaign's description do not make up a brand of their own.
    where kind = 'sale' and brand != 'unknown'
    group by brand, received_on
),

final as (
    {{ ledger(
        'days',
        key=['brand'],
        sums={'order_count': 'bigint', 'unit_count': 'bigint', 'turnover': 'decimal(18, 2)'},
    ) }}
)

select * from final
