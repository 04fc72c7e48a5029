with customers as (
    select * from {{ ref('int_customers') }}
),

segments as (
    select * from {{ ref('customer_segments') }}('{{ ref("customers_at_end") }}')
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
        segments.segment,
        totals.first_ordered_at,
        totals.last_ordered_at,
        coalesce(totals.cumulative_distinct_order_count, 0) as order_count,
        coalesce(totals.cumulative_unit_count, 0) as unit_count,
        coalesce(totals.cumulative_turnover, 0) as turnover
    from newest
    inner join segments using (customer_id)
    left join totals using (customer_id)
)

select * from final
