with campaigns as (
    select * from {{ ref('int_campaigns') }}
),

campaign_ledger as (
    select * from {{ ref('int_campaign_day_ledger') }}
),

assortment as (
    select * from {{ ref('int_campaign_assortment_ledger') }}
),

versions as (
    select
        *,
        greatest(closes_at, available_at) as closed_at,
        lead(available_at) over (partition by campaign_id order by available_at) as next_at
    from campaigns
),

-- A campaign closes once: where its description, as it was known then, first said so.
closed as (
    select
        campaign_id,
        brand,
        sector,
        closed_at,
        {{ day_available_at(utc_day('closed_at')) }} as available_at
    from versions
    where closed_at < coalesce(next_at, 'infinity') and closes_at is not null
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
    asof left join assortment
        on
            closed.campaign_id = assortment.campaign_id
            and closed.available_at >= assortment.available_at
    where
        {{ midnight(utc_day('closed.closed_at') ~ " + 1") }} <= {{ end_at() }}
        {%- if is_incremental() %}
        and {{ midnight(utc_day('closed.closed_at') ~ " + 1") }} > {{ base_end() }}
        {%- endif %}
)

select * from final
