with on_sale as (
    select * from {{ ref('int_on_sale') }}
),

followed as (
    select
        *,
        lead(from_at) over (partition by campaign_id, product_id order by from_at) as next_from_at
    from on_sale
),

final as (
    select * from followed
    where until_at <= from_at or next_from_at < until_at
)

select * from final
