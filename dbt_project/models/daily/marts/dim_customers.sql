with customers as (
    select * from {{ ref('int_customers') }}
),

features as (
    select * from {{ ref('customer_features') }}
),

ledger as (
    select * from {{ ref('int_customer_ledger') }}
),

newest as (
    select * from customers
    qualify row_number() over (partition by customer_id order by available_at desc) = 1
),

totals as (
    select * from ledger
    qualify row_number() over (partition by customer_id order by available_at desc) = 1
),

-- Among those who bought within the year; ties share a rank.
spenders as (
    select
        customer_id,
        percent_rank() over (order by customer_turnover_365d desc) as turnover_percentile
    from features
    where customer_order_count_365d > 0
),

final as (
    select
        newest.customer_id,
        newest.signed_up_at,
        newest.gender,
        newest.age_band,
        newest.socio_professional_group,
        newest.country,
        newest.language,
        newest.timezone,
        newest.demographic_cluster,
        case
            when totals.first_ordered_at is null then 'prospect'
            when features.customer_order_count_365d = 0 then 'inactive'
            when features.customer_days_since_first_purchase <= 30 then 'new'
            when spenders.turnover_percentile < 0.1 then 'top'
            else 'loyal'
        end as segment,
        totals.first_ordered_at,
        totals.last_ordered_at,
        coalesce(totals.cumulative_order_count, 0) as order_count,
        coalesce(totals.cumulative_unit_count, 0) as unit_count,
        coalesce(totals.cumulative_turnover, 0) as turnover
    from newest
    inner join features using (customer_id)
    left join totals using (customer_id)
    left join spenders using (customer_id)
)

select * from final
