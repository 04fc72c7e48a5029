{%- set look_backs = {'1h': 60, '1d': 1440, '7d': 10080, '28d': 40320} %}
{#- A cluster that bought little counts as so many orders of the whole shop. #}
{%- set prior_order_count = 10 %}

with asked as (
    select
        demographic_cluster,
        campaign_id,
        as_of,
        {{ last_readable_window_at('as_of') }} as readable_at
    from query_table(spine)
    where {{ is_answerable('as_of') }}
),

-- An as-of join sorts all that it is given: leave out what is not asked about.
ledger as materialized (
    select * from {{ ref('int_cluster_campaign_window_ledger') }}
    semi join asked using (demographic_cluster, campaign_id)
),

cluster_ledger as (
    select * from {{ ref('int_cluster_window_ledger') }}
),

campaign_ledger as materialized (
    select * from {{ ref('int_campaign_window_ledger') }}
    semi join asked using (campaign_id)
),

shop_ledger as (
    select * from {{ ref('int_shop_window_ledger') }}
),

-- What the whole cluster bought does not depend on the campaign: read it once per instant.
asked_clusters as (
    select distinct
        demographic_cluster,
        readable_at
    from asked
),

clusters as (
    select
        {%- for name in look_backs %}
        {{ growth('order_count', 'cluster_ledger', 'before_' ~ name) }} as order_count_{{ name }},
        {%- endfor %}
        asked_clusters.demographic_cluster,
        asked_clusters.readable_at
    from asked_clusters
    {{ look_back_joins('asked_clusters', 'cluster_ledger', ['demographic_cluster'], look_backs) }}
),

-- The same of the whole shop, and what all clusters bought of the campaign.
asked_windows as (
    select distinct readable_at from asked
),

shop_windows as (
    select
        {%- for name in look_backs %}
        {{ growth('order_count', 'shop_ledger', 'before_' ~ name) }} as order_count_{{ name }},
        {%- endfor %}
        asked_windows.readable_at
    from asked_windows
    {{ look_back_joins('asked_windows', 'shop_ledger', [], look_backs) }}
),

asked_campaigns as (
    select distinct
        campaign_id,
        readable_at
    from asked
),

campaigns as (
    select
        {%- for name in look_backs %}
        {{ growth('order_count', 'campaign_ledger', 'before_' ~ name) }} as order_count_{{ name }},
        {%- endfor %}
        asked_campaigns.campaign_id,
        asked_campaigns.readable_at
    from asked_campaigns
    {{ look_back_joins('asked_campaigns', 'campaign_ledger', ['campaign_id'], look_backs) }}
),

known as (
    select distinct
        demographic_cluster,
        campaign_id,
        readable_at
    from asked
    semi join ledger using (demographic_cluster, campaign_id)
),

reads as (
    select
        known.*,
        {%- for name in look_backs %}
        {{ growth('order_count', 'ledger', 'before_' ~ name) }} as order_count_{{ name }},
        {%- endfor %}
        {{ growth('turnover', 'ledger', 'before_15min') }} as turnover_15min
    from known
    {{ look_back_joins(
        'known', 'ledger', ['demographic_cluster', 'campaign_id'],
        dict(look_backs, **{'15min': 15}),
    ) }}
),

final as (
    select
        asked.demographic_cluster,
        asked.campaign_id,
        asked.as_of,
        {%- for name in look_backs %}
        (
            coalesce(reads.order_count_{{ name }}, 0)
            + {{ prior_order_count }} * {{ ratio(
                'campaigns.order_count_' ~ name, 'shop_windows.order_count_' ~ name
            ) }}
        )
        / (clusters.order_count_{{ name }} + {{ prior_order_count }})
            as cluster_purchase_ratio_{{ name }},
        {%- endfor %}
        coalesce(reads.order_count_28d, 0) as cluster_order_count_28d,
        coalesce(reads.turnover_15min, 0) as cluster_turnover_15min
    from asked
    inner join clusters using (demographic_cluster, readable_at)
    inner join campaigns using (campaign_id, readable_at)
    inner join shop_windows using (readable_at)
    left join reads using (demographic_cluster, campaign_id, readable_at)
)

select * from final
