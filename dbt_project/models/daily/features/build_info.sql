with order_lines as (
    select * from {{ ref('int_order_lines') }}
),

customers as (
    select * from {{ ref('int_customers') }}
),

products as (
    select * from {{ ref('int_products') }}
),

received as (
    select min(received_at) as received_at from order_lines
    union all
    select min(available_at) as received_at from customers
    union all
    select min(available_at) as received_at from products
),

final as (
    select
        '{{ var("source") }}' as source,
        '{{ var("currency") }}' as currency,
        '{{ var("vitrine_version") }}' as vitrine_version,
        '{{ var("definition_digest") }}' as definition_digest,
        '{{ var("input_digests") }}' as input_digests,
        min(received_at) as data_start_at,
        {{ end_at() }} as data_end_at,
        {{ end_at() }}
        + interval '{{ var("day_features_delay_minutes") }} minutes' as available_at,
        timestamptz '{{ var("start_at") }}' as interval_start_at,
        cast({{ var("day_features_delay_minutes") }} as integer) as day_features_delay_minutes,
        cast({{ var("intraday_delay_minutes") }} as integer) as intraday_delay_minutes,
        cast({{ var("permanent_campaign_days") }} as integer) as permanent_campaign_days,
        cast({{ var("provided_tables") | list }} as varchar[]) as provided_tables
    from received
)

select * from final
