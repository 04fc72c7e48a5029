with asked as (
    select distinct
        as_of,
        {{ last_readable_day_at('as_of') }}
        - interval '{{ var("day_features_delay_minutes") }} minutes' as received_before
    from query_table(spine)
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

baskets as (
    select distinct
        asked.as_of,
        order_lines.order_id,
        order_lines.product_id
    from order_lines
    inner join asked
        on
            order_lines.received_at < asked.received_before
            and order_lines.received_at >= asked.received_before - interval '2160 hours'
    where order_lines.kind = 'sale'
),

basket_totals as (
    select
        as_of,
        count(distinct order_id) as basket_count
    from baskets
    group by as_of
),

product_baskets as (
    select
        as_of,
        product_id,
        count(*) as basket_count
    from baskets
    group by as_of, product_id
),

-- Each pair once: it says the same both ways, and the join is what takes long.
halves as (
    select
        baskets.as_of,
        baskets.product_id,
        companions.product_id as other_product_id,
        count(*) as basket_count
    from baskets
    inner join baskets as companions
        on
            baskets.as_of = companions.as_of
            and baskets.order_id = companions.order_id
            and baskets.product_id < companions.product_id
    group by baskets.as_of, baskets.product_id, companions.product_id
),

pairs as (
    select * from halves
    union all by name
    select
        as_of,
        other_product_id as product_id,
        product_id as other_product_id,
        basket_count
    from halves
),

-- Of pairs in equally many baskets the one with the rarer companion has the higher lift.
closest as (
    select
        pairs.*,
        companions.basket_count as other_basket_count
    from pairs
    inner join product_baskets as companions
        on
            pairs.as_of = companions.as_of
            and pairs.other_product_id = companions.product_id
    qualify row_number() over (
        partition by pairs.as_of, pairs.product_id
        order by
            pairs.basket_count desc, companions.basket_count asc, pairs.other_product_id asc
    ) <= 50
),

final as (
    select
        closest.product_id,
        closest.other_product_id,
        closest.as_of,
        closest.basket_count,
        closest.basket_count / basket_totals.basket_count as support_ratio,
        closest.basket_count / product_baskets.basket_count as confidence_ratio,
        closest.basket_count * basket_totals.basket_count
        / (product_baskets.basket_count * closest.other_basket_count) as lift_ratio
    from closest
    inner join basket_totals on closest.as_of = basket_totals.as_of
    inner join product_baskets
        on closest.as_of = product_baskets.as_of and closest.product_id = product_baskets.product_id
)

select * from final
