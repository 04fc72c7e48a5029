with email_events as (
    select * from {{ ref('stg_email_events') }}
    where {{ is_new('received_at') }}
),

days as (
    select
        customer_id,
        {{ day_available_at(utc_day('received_at')) }} as available_at,
        count(*) filter (where kind = 'opened') as opened_count,
        count(*) filter (where kind = 'clicked') as clicked_count
    from email_events
    where kind in ('opened', 'clicked')
    group by all
),

final as (
    {{ ledger(
        'days', key=['customer_id'], sums={'opened_count': 'bigint', 'clicked_count': 'bigint'}
    ) }}
)

select * from final
