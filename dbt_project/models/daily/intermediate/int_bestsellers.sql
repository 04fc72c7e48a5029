{%- set length = 100 %}

with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where kind = 'sale' and {{ is_in_new_week('received_on') }}
),

weeks as (
    select
        {{ age_band('demographic_cluster') }} as age_band,
        cast(date_trunc('week', received_on) as date) as week_start_on,
        product_id,
        sum(unit_count) as unit_count
    from order_lines
    group by all
),

final as (
    select
        age_band,
        week_start_on,
        product_id,
        {{ day_available_at('week_start_on + 6') }} as available_at,
        cast(row_number() over (
            partition by age_band, week_start_on order by unit_count desc, product_id asc
        ) as integer) as sales_rank,
        cast(unit_count as bigint) as unit_count
    from weeks
    qualify sales_rank <= {{ length }}
)

select * from final
