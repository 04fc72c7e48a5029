with events as (
    select * from {{ ref('stg_events') }}
),

days as (
    select
        customer_id,
        {{ day_available_at('received_on') }} as available_at,
        count(distinct campaign_id) as viewed_campaign_count,
        count(distinct product_id) as viewed_product_count
    from events
    where customer_id is not null and kind in ('campaign_view', 'product_view')
    group by customer_id, received_on
),

final as (
    {{ ledger(
        'days',
        key=['customer_id'],
        sums={'viewed_campaign_count': 'bigint', 'viewed_product_count': 'bigint'},
    ) }}
)

select * from final
