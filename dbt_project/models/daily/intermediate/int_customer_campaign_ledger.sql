with order_lines as (
    select * from {{ ref('int_order_lines') }}
    where {{ is_new('received_at') }}
),

events as (
    select * from {{ ref('stg_events') }}
),

bought as (
    select
        customer_id,
        campaign_id,
        received_on,
        count(distinct order_id) as order_count,
        sum(unit_count) as unit_count,
        0 as view_count,
        min(occurred_at) as first_bought_at,
        max(occurred_at) as last_bought_at,
        cast(null as timestamptz) as last_viewed_at
    from order_lines
    where customer_id is not null and kind = 'sale'
    group by customer_id, campaign_id, received_on
),

viewed as (
    select
        customer_id,
        campaign_id,
        received_on,
        0 as order_count,
        0 as unit_count,
        count(*) as view_count,
        cast(null as timestamptz) as first_bought_at,
        cast(null as timestamptz) as last_bought_at,
        max(occurred_at) as last_viewed_at
    from events
    where
        customer_id is not null
        and campaign_id is not null
        and kind in ('campaign_view', 'product_view')
    group by customer_id, campaign_id, received_on
),

done as (
    select * from bought
    union all
    select * from viewed
),

days as (
    select
        customer_id,
        campaign_id,
        {{ day_available_at('received_on') }} as available_at,
        sum(order_count) as order_count,
        sum(unit_count) as unit_count,
        sum(view_count) as view_count,
        min(first_bought_at) as first_bought_at,
        max(last_bought_at) as last_bought_at,
        max(last_viewed_at) as last_viewed_at
    from done
    group by customer_id, campaign_id, received_on
),

final as (
    {{ ledger(
        'days',
        key=['customer_id', 'campaign_id'],
        sums={'order_count': 'bigint', 'unit_count': 'bigint', 'view_count': 'bigint'},
        firsts=['first_bought_at'],
        lasts=['last_bought_at', 'last_viewed_at'],
    ) }}
)

select * from final
