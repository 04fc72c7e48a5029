with email_events as (
    select * from {{ ref('stg_email_events') }}
),

counted as (
    select
        {{ utc_day('occurred_at') }} as occurred_on,
        count(distinct message_id) filter (where kind = 'sent') as sent_count,
        count(distinct message_id) filter (where kind = 'opened') as opened_count,
        count(distinct message_id) filter (where kind = 'clicked') as clicked_count,
        count(distinct message_id) filter (where kind = 'bounced') as bounced_count,
        count(distinct message_id) filter (where kind = 'complained') as complained_count,
        count(distinct message_id) filter (where kind = 'unsubscribed') as unsubscribed_count
    from email_events
    group by all
),

final as (
    select
        *,
        opened_count / nullif(sent_count, 0) as open_ratio,
        clicked_count / nullif(sent_count, 0) as click_ratio,
        bounced_count / nullif(sent_count, 0) as bounce_ratio,
        unsubscribed_count / nullif(sent_count, 0) as unsubscribe_ratio
    from counted
)

select * from final
