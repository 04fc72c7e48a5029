with order_lines as (
    select * from {{ ref('int_order_lines') }}
),

baskets as (
    select distinct
        order_id,
        product_id
    from order_lines
    where kind = 'sale' and received_at >= {{ end_at() }} - interval '2160 hours'
),

basket_total as (
    select count(distinct order_id) as basket_count from baskets
),

product_baskets as (
    select
        product_id,
        count(*) as basket_count
    from baskets
    group by product_id
),

pairs as (
    select
        baskets.product_id,
        companions.product_id as other_product_id,
        count(*) as basket_count
    from baskets
    inner join baskets as companions
        on
            baskets.order_id = companions.order_id
            and baskets.product_id != companions.product_id
    group by baskets.product_id, companions.product_id
),

measured as (
    select
        pairs.product_id,
        pairs.other_product_id,
        pairs.basket_count,
        pairs.basket_count / basket_total.basket_count as support_ratio,
        pairs.basket_count / product_baskets.basket_count as confidence_ratio,
        pairs.basket_count * basket_total.basket_count
        / (product_baskets.basket_count * other_baskets.basket_count) as lift_ratio
    from pairs
    inner join product_baskets on pairs.product_id = product_baskets.product_id
    inner join product_baskets as other_baskets
        on pairs.other_product_id = other_baskets.product_id
    cross join basket_total
),

final as (
    select * from measured
    qualify row_number() over (
        partition by product_id order by basket_count desc, lift_ratio desc, other_product_id asc
    ) <= 50
)

select * from final
