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
        segments.customer_id,
        coalesce(newest.signed_up_at, totals.first_ordered_at) as signed_up_at,
        coalesce(newest.gender, 'unknown') as gender,
        coalesce(newest.age_band, 'unknown') as age_band,
        coalesce(newest.socio_professional_group, 'unknown') as socio_professional_group,
        coalesce(newest.country, 'ZZ') as country,
        newest.language,
        newest.timezone,
        coalesce(newest.demographic_cluster, 'unknown') as demographic_cluster,
        segments.segment,
        totals.first_ordered_at,
        totals.last_ordered_at,
        coalesce(totals.cumulative_distinct_order_count, 0) as order_count,
        coalesce(totals.cumulative_unit_count, 0) as unit_count,
        coalesce(totals.cumulative_turnover, 0) as turnover
    from segments
    left join newest using (customer_id)
    left join totals using (customer_id)
)

select * from final
