with asked as (
    select
        customer_id,
        as_of,
        {{ last_readable_day_at('as_of') }} as readable_at
    from query_table(spine)
),

ledger as (
    select * from {{ ref('int_customer_ledger') }}
),

-- Who is at the top depends on everybody, so everybody is read, once for each day asked about.
asked_days as (
    select distinct readable_at as as_of
    from asked
),

everybody as (
    select
        ledger.customer_id,
        asked_days.as_of as readable_at,
        min(ledger.first_ordered_at) as first_ordered_at,
        {{ grown('order_count', 365) }} as order_count,
        {{ grown('turnover', 365) }} as turnover
    from asked_days
    inner join ledger on asked_days.as_of >= ledger.available_at
    group by ledger.customer_id, asked_days.as_of
),

-- Whoever bought within the year is ranked among themselves; ties go to the lower id.
ranked as (
    select
        *,
        row_number() over (
            partition by readable_at, order_count > 0 order by turnover desc, customer_id asc
        ) as turnover_rank,
        count(*) over (partition by readable_at, order_count > 0) as customer_count
    from everybody
),

final as (
    select
        asked.customer_id,
        asked.as_of,
        {{ segment(
            'ranked.first_ordered_at', 'ranked.order_count',
            is_in_top_tenth('ranked.turnover_rank', 'ranked.customer_count'), 'asked.as_of',
        ) }} as segment
    from asked
    left join ranked using (customer_id, readable_at)
)

select * from final
