with stock_ledger as (
    select * from {{ ref('int_campaign_stock_ledger') }}
),

campaigns as (
    select * from {{ ref('int_intraday_campaigns') }}
),

held as (
    {{ held('campaigns', 'campaign_id') }}
),

changes as (
    select
        campaign_id,
        available_at,
        cumulative_initial_stock_count
        - coalesce(lag(cumulative_initial_stock_count) over versions, 0) as initial_stock_count
    from stock_ledger
    window versions as (partition by campaign_id order by available_at)
    qualify {{ is_new('available_at') }}
),

by_instant as (
    select
        held.sector,
        changes.available_at,
        sum(changes.initial_stock_count) as initial_stock_count
    from changes
    inner join held
        on
            changes.campaign_id = held.campaign_id
            and changes.available_at >= held.available_at
            and changes.available_at < held.replaced_at
    group by held.sector, changes.available_at
),

final as (
    {{ ledger('by_instant', key=['sector'], sums={'initial_stock_count': 'bigint'}) }}
)

select * from final
