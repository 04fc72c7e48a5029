with order_lines as (
    select * from {{ ref('int_order_lines') }}
),

recent as (
    select
        demographic_cluster,
        product_id,
        unit_count
    from order_lines
    where kind = 'sale' and occurred_at >= {{ end_at() }} - interval '672 hours'
),

-- The cluster `all` stands in for a cluster that bought nothing.
counted as (
    select
        demographic_cluster,
        product_id,
        cast(sum(unit_count) as bigint) as unit_count,
        count(*) as line_count
    from recent
    group by demographic_cluster, product_id
    union all
    select
        'all' as demographic_cluster,
        product_id,
        cast(sum(unit_count) as bigint) as unit_count,
        count(*) as line_count
    from recent
    group by product_id
),

final as (
    select
        demographic_cluster,
        product_id,
        row_number() over (
            partition by demographic_cluster
            order by line_count desc, unit_count desc, product_id asc
        ) as popularity_rank,
        line_count,
        unit_count
    from counted
)

select * from final
