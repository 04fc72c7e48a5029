with co_purchases as (
    select * from {{ ref('co_purchases') }}('{{ ref("at_end") }}')
),

final as (
    select
        product_id,
        other_product_id,
        basket_count,
        support_ratio,
        confidence_ratio,
        lift_ratio
    from co_purchases
)

select * from final
