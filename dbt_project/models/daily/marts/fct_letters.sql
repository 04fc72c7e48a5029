{{ config(materialized='view') }}

with letters as (
    select * from {{ ref('int_letters') }}
),

email_events as (
    select * from {{ ref('stg_email_events') }}
),

sales as (
    select * from {{ ref('int_letter_sales') }}
),

-- Whatever was received since, however late: a letter's figures change with it.
reactions as (
    select
        message_id,
        {%- for kind in ['sent', 'bounced', 'opened', 'clicked', 'unsubscribed', 'complained'] %}
        min(occurred_at) filter (where kind = '{{ kind }}') as {{ kind }}_at,
        {%- endfor %}
        max(received_at) as reported_at
    from email_events
    group by message_id
),

purchases as (
    select
        message_id,
        count(distinct order_id) as order_count,
        sum(unit_count) as unit_count,
        sum(line_value) as turnover,
        sum(unit_count) filter (
            where is_campaign_shown or is_product_shown
        ) as shown_unit_count,
        sum(line_value) filter (
            where is_campaign_shown or is_product_shown
        ) as shown_turnover
    from sales
    group by message_id
),

final as (
    select
        letters.message_id,
        letters.list_name,
        letters.night,
        letters.customer_id,
        letters.segment,
        letters.strategy,
        letters.arm,
        letters.arm_propensity,
        letters.send_at,
        reactions.sent_at,
        reactions.bounced_at,
        reactions.opened_at,
        reactions.clicked_at,
        reactions.unsubscribed_at,
        reactions.complained_at,
        reactions.reported_at,
        len(letters.campaign_ids) as campaign_count,
        len(letters.products) as product_count,
        coalesce(list_sum(list_transform(letters.products, lambda p: p['probability'])), 0)
            as expected_unit_count,
        coalesce(purchases.order_count, 0) as order_count,
        cast(coalesce(purchases.unit_count, 0) as bigint) as unit_count,
        cast(coalesce(purchases.turnover, 0) as decimal(18, 2)) as turnover,
        cast(coalesce(purchases.shown_unit_count, 0) as bigint) as shown_unit_count,
        cast(coalesce(purchases.shown_turnover, 0) as decimal(18, 2)) as shown_turnover
    from letters
    left join reactions using (message_id)
    left join purchases using (message_id)
)

select * from final
