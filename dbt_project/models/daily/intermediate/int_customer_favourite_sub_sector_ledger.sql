with sub_sector_ledger as (
    select * from {{ ref('int_customer_sub_sector_ledger') }}
),

-- Cumulative measures never fall, so the largest seen so far is the largest of the sub-sectors now.
days as (
    select
        customer_id,
        available_at,
        count(*) as sub_sector_count,
        max(
            { 'unit_count': cumulative_unit_count, 'sub_sector': sub_sector }
        ) as favourite
    from sub_sector_ledger
    where {{ is_new_in_ledger('available_at') }}
    group by customer_id, available_at
),

final as (
    {{ ledger(
        'days',
        key=['customer_id'],
        sums={'sub_sector_count': 'bigint'},
        lasts=['favourite'],
    ) }}
)

select * from final
