{%- set look_backs = [7, 30, 365] %}

with asked as (
    select
        customer_id,
        campaign_id,
        as_of
    from query_table(spine)
),

campaigns as (
    select * from {{ ref('int_campaigns') }}
),

pair_ledger as (
    select * from {{ ref('int_customer_campaign_ledger') }}
),

sector_ledger as (
    select * from {{ ref('int_customer_sector_ledger') }}
),

sub_sector_ledger as (
    select * from {{ ref('int_customer_sub_sector_ledger') }}
),

brand_ledger as (
    select * from {{ ref('int_customer_brand_ledger') }}
),

-- A spine may hold every customer times every campaign: read each ledger once per customer or
-- campaign and instant, and only the pairs that have a history, then join by equality.
asked_campaigns as (
    select distinct
        campaign_id,
        as_of
    from asked
),

asked_customers as (
    select distinct
        customer_id,
        as_of
    from asked
),

described as (
    select
        asked_campaigns.*,
        campaigns.brand,
        campaigns.sector,
        campaigns.sub_sector
    from asked_campaigns
    asof inner join campaigns
        on
            asked_campaigns.campaign_id = campaigns.campaign_id
            and asked_campaigns.as_of >= campaigns.available_at
),

{%- for level in ['sector', 'sub_sector', 'brand'] %}

{{ level }}_reads as (
    select
        asked.customer_id,
        asked.as_of,
        ledger.{{ level }},
        {%- if level == 'sector' %}
        {%- for days in look_backs %}
        {{ grown('turnover', days) }} as turnover_{{ days }}d,
        {{ grown('view_count', days) }} as view_count_{{ days }}d,
        {%- endfor %}
        {{ read('view_count') }} as view_count,
        {%- endif %}
        {{ read('unit_count') }} as unit_count
    from asked_customers as asked
    inner join {{ level }}_ledger as ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.as_of, ledger.{{ level }}
),

{{ level }}_shares as (
    select
        *,
        {%- if level == 'sector' %}
        view_count / nullif(sum(view_count) over whole, 0) as view_ratio,
        {%- endif %}
        unit_count / nullif(sum(unit_count) over whole, 0) as unit_ratio
    from {{ level }}_reads
    window whole as (partition by customer_id, as_of)
),
{%- endfor %}

-- An as-of join sorts all that it is given: leave out who is not asked about.
known_ledger as materialized (
    select pair_ledger.*
    from pair_ledger
    semi join asked_customers using (customer_id)
),

known_pairs as (
    select asked.*
    from asked
    semi join known_ledger using (customer_id, campaign_id)
),

pair_reads as (
    select
        known_pairs.*,
        ledger.cumulative_order_count as order_count,
        ledger.cumulative_unit_count as unit_count,
        ledger.cumulative_view_count as view_count,
        {{ growth('order_count', 'ledger', 'before_90d') }} as order_count_90d,
        {{ not_negative(days_between('ledger.last_bought_at', 'known_pairs.as_of'), 730) }}
            as days_since_last_bought,
        {{ days_between('ledger.first_bought_at', 'ledger.last_bought_at') }}
        / nullif(ledger.cumulative_order_count - 1, 0) as usual_interval_days,
        {{ not_negative(days_between('ledger.last_viewed_at', 'known_pairs.as_of'), 730) }}
            as days_since_last_viewed
    from known_pairs
    asof inner join known_ledger as ledger
        on
            known_pairs.customer_id = ledger.customer_id
            and known_pairs.campaign_id = ledger.campaign_id
            and known_pairs.as_of >= ledger.available_at
    asof left join known_ledger as before_90d
        on
            known_pairs.customer_id = before_90d.customer_id
            and known_pairs.campaign_id = before_90d.campaign_id
            and known_pairs.as_of - interval '2160 hours' >= before_90d.available_at
),

final as (
    select
        asked.customer_id,
        asked.campaign_id,
        asked.as_of,
        cast(coalesce(pair_reads.order_count, 0) as double) as pair_order_count,
        coalesce(pair_reads.order_count_90d, 0) as pair_order_count_90d,
        cast(coalesce(pair_reads.unit_count, 0) as double) as pair_unit_count,
        coalesce(pair_reads.days_since_last_bought, 730) as pair_days_since_last_bought,
        coalesce(pair_reads.usual_interval_days, 730) as pair_usual_interval_days,
        cast(coalesce(pair_reads.view_count, 0) as double) as pair_view_count,
        coalesce(pair_reads.days_since_last_viewed, 730) as pair_days_since_last_viewed,
        coalesce(sector_shares.unit_ratio, 0) as pair_sector_unit_ratio,
        coalesce(sector_shares.view_ratio, 0) as pair_sector_view_ratio,
        coalesce(sub_sector_shares.unit_ratio, 0) as pair_sub_sector_unit_ratio,
        {%- for days in look_backs %}
        coalesce(sector_shares.turnover_{{ days }}d, 0) as pair_sector_turnover_{{ days }}d,
        coalesce(sector_shares.view_count_{{ days }}d, 0) as pair_sector_view_count_{{ days }}d,
        {%- endfor %}
        coalesce(brand_shares.unit_ratio, 0) as pair_brand_unit_ratio
    from asked
    left join described using (campaign_id, as_of)
    left join pair_reads using (customer_id, campaign_id, as_of)
    left join sector_shares
        on
            asked.customer_id = sector_shares.customer_id
            and described.sector = sector_shares.sector
            and asked.as_of = sector_shares.as_of
    left join sub_sector_shares
        on
            asked.customer_id = sub_sector_shares.customer_id
            and described.sub_sector = sub_sector_shares.sub_sector
            and asked.as_of = sub_sector_shares.as_of
    left join brand_shares
        on
            asked.customer_id = brand_shares.customer_id
            and described.brand = brand_shares.brand
            and asked.as_of = brand_shares.as_of
)

select * from final
