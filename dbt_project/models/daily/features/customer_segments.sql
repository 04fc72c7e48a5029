{{ config(
    materialized='table_function',
    parameters='spine',
    contract={'enforced': false},
    persist_docs={'relation': false, 'columns': false},
) }}

with asked as (
    select
        customer_id,
        as_of
    from query_table(spine)
),

ledger as (
    select * from {{ ref('int_customer_ledger') }}
),

known as (
    select
        asked.customer_id,
        asked.as_of,
        ledger.first_ordered_at,
        {{ growth('order_count', 'ledger', 'before_365d') }} as order_count,
        {{ growth('turnover', 'ledger', 'before_365d') }} as turnover
    from asked
    asof left join ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    asof left join ledger as before_365d
        on
            asked.customer_id = before_365d.customer_id
            and asked.as_of - interval '8760 hours' >= before_365d.available_at
),

-- Whoever bought within the year is ranked among themselves; ties share a rank.
ranked as (
    select
        *,
        percent_rank() over (
            partition by as_of, order_count > 0 order by turnover desc
        ) as turnover_percentile
    from known
),

final as (
    select
        customer_id,
        as_of,
        {{ segment('first_ordered_at', 'order_count', 'turnover_percentile', 'as_of') }} as segment
    from ranked
)

select * from final
