with campaigns as (
    select * from {{ ref('int_campaigns') }}
),

campaign_ledger as (
    select * from {{ ref('int_campaign_day_ledger') }}
),

assortment as (
    select * from {{ ref('int_campaign_assortment_ledger') }}
),

campaigns_held as (
    {{ held('campaigns', 'campaign_id') }}
),

versions as (
    select
        *,
        greatest(closes_at, available_at) as closed_at
    from campaigns_held
),

-- A campaign closes once: where its description, as it was known then, first said so.
closed as (
    select
        campaign_id,
        brand,
        sector,
        closed_at,
        {{ midnight(utc_day('closed_at') ~ ' + 1') }} as day_ended_at,
        {{ day_available_at(utc_day('closed_at')) }} as available_at
    from versions
    where closed_at < replaced_at and closes_at is not null
    qualify row_number() over (partition by campaign_id order by closed_at) = 1
),

final as (
    select
        closed.campaign_id,
        closed.brand,
        closed.sector,
        closed.closed_at,
        closed.available_at,
        coalesce(ledger.cumulative_order_count, 0) as order_count,
        coalesce(ledger.cumulative_view_count, 0) as view_count,
        coalesce(ledger.cumulative_unit_count, 0) as unit_count,
        coalesce(ledger.cumulative_turnover, 0) as turnover,
        coalesce(assortment.cumulative_initial_stock_count, 0) as initial_stock_count
    from closed
    asof left join campaign_ledger as ledger
        on closed.campaign_id = ledger.campaign_id and closed.available_at >= ledger.available_at
    -- A build that ends with the day knows nothing of what is received later.
    asof left join assortment
        on
            closed.campaign_id = assortment.campaign_id
            and closed.day_ended_at > assortment.available_at
    where {{ is_new_day(utc_day('closed.closed_at')) }}
)

select * from final
