with sector_ledger as (
    select * from {{ ref('int_customer_sector_ledger') }}
),

changed as (
    select distinct customer_id
    from sector_ledger
    where {{ is_new_in_ledger('available_at') }}
),

-- Cumulative measures never fall, so the largest seen so far is the largest of the sectors now.
running as (
    select
        customer_id,
        available_at,
        max(row(cumulative_unit_count, cumulative_view_count, sector)) over (
            partition by customer_id order by available_at range unbounded preceding
        ) as favourite
    from sector_ledger
    semi join changed using (customer_id)
),

final as (
    select distinct
        customer_id,
        available_at,
        favourite[3] as favourite_sector
    from running
    where {{ is_new_in_ledger('available_at') }}
)

select * from final
