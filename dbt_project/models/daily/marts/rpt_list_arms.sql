{{ config(materialized='view') }}

with letters as (
    select * from {{ ref('fct_letters') }}
),

counted as (
    select
        list_name,
        night,
        arm,
        count(*) as letter_count,
        count(sent_at) as sent_count,
        count(bounced_at) as bounced_count,
        count(opened_at) as opened_count,
        count(clicked_at) as clicked_count,
        count(unsubscribed_at) as unsubscribed_count,
        count(complained_at) as complained_count,
        cast(sum(order_count) as bigint) as order_count,
        cast(sum(unit_count) as bigint) as unit_count,
        sum(turnover) as turnover,
        cast(sum(shown_unit_count) as bigint) as shown_unit_count,
        sum(shown_turnover) as shown_turnover,
        round(sum(expected_unit_count), 6) as expected_unit_count
    from letters
    group by all
),

final as (
    select
        *,
        opened_count / nullif(sent_count, 0) as open_ratio,
        clicked_count / nullif(sent_count, 0) as click_ratio,
        unsubscribed_count / nullif(sent_count, 0) as unsubscribe_ratio
    from counted
)

select * from final
