{{ config(materialized='view') }}

with letters as (
    select * from {{ ref('int_letters') }}
),

email_events as (
    select * from {{ ref('stg_email_events') }}
),

order_lines as (
    select * from {{ ref('int_order_lines') }}
),

sent as (
    select
        message_id,
        min(occurred_at) as sent_at
    from email_events
    where kind = 'sent'
    group by message_id
),

-- Of a night of which nothing is reported as sent, all counts as sent when it was promised.
gone as (
    select
        letters.*,
        coalesce(sent.sent_at, letters.send_at) as gone_at
    from letters
    left join sent using (message_id)
    qualify
        sent.sent_at is not null
        or count(sent.sent_at) over (partition by letters.list_name, letters.night) = 0
),

-- Two lists may write at the same instant.
one_at_a_time as (
    select * from gone
    qualify row_number() over (partition by customer_id, gone_at order by message_id) = 1
),

-- Of the letters to a customer the last one before the sale counts, so that no sale counts twice.
final as (
    select
        letters.message_id,
        letters.list_name,
        letters.night,
        order_lines.order_id,
        order_lines.line_number,
        order_lines.campaign_id,
        order_lines.product_id,
        order_lines.unit_count,
        order_lines.line_value,
        list_contains(letters.campaign_ids, order_lines.campaign_id) as is_campaign_shown,
        len(list_filter(
            letters.products,
            lambda p: p['product_id'] = order_lines.product_id
            and p['campaign_id'] = order_lines.campaign_id
        )) > 0 as is_product_shown,
        order_lines.occurred_at
    from order_lines
    asof inner join one_at_a_time as letters
        on
            order_lines.customer_id = letters.customer_id
            and order_lines.occurred_at >= letters.gone_at
    where
        order_lines.kind = 'sale'
        and order_lines.occurred_at
        < letters.gone_at + interval '{{ var("attribution_hours") }} hours'
)

select * from final
