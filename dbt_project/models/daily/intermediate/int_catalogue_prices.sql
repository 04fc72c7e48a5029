{%- set steps = 20 %}

with campaign_products as (
    select * from {{ ref('int_campaign_products') }}
),

campaigns as (
    select * from {{ ref('int_campaigns') }}
),

-- The catalogue is looked at when a week ends: its prices move slowly.
bounds as (
    select
        date_trunc('week', min({{ utc_day('available_at') }})) + interval '7 days' as first_on,
        date_trunc('week', {{ utc_day(end_at()) }}) as last_on
    from campaign_products
),

week_ends as (
    select unnest(generate_series(first_on, last_on, interval '7 days')) as ended_on
    from bounds
),

weeks as (
    select {{ midnight('ended_on') }} as ended_at
    from week_ends
    where {{ midnight('ended_on') }} > {{ base_end_at() }}
),

offers as (
    {{ held('campaign_products', 'campaign_id, product_id') }}
),

-- Every offer so far at its newest price.
known as (
    select
        weeks.ended_at,
        offers.campaign_id,
        offers.price
    from weeks
    inner join offers
        on
            weeks.ended_at > offers.available_at
            and weeks.ended_at <= offers.replaced_at
),

placed as (
    select
        known.ended_at,
        known.price,
        campaigns.sector
    from known
    asof inner join campaigns
        on
            known.campaign_id = campaigns.campaign_id
            and known.ended_at > campaigns.available_at
),

-- The sector `all` is the whole catalogue.
sectors as (
    select * from placed
    union all
    select * replace ('all' as sector) from placed
),

cuts as (
    select
        sector,
        ended_at,
        quantile_disc(price, [
            {%- for step in range(steps) %}
            {{ step / steps }}{{ ',' if not loop.last }}
            {%- endfor %}
        ]) as prices
    from sectors
    group by sector, ended_at
),

steps as (
    select
        sector,
        ended_at,
        unnest(prices) as price,
        unnest(range({{ steps }})) / {{ steps }} as price_quantile
    from cuts
),

-- Prices that many offers share are several steps at once: the middle of them holds.
final as (
    select
        sector,
        ended_at + interval '{{ var("day_features_delay_minutes") }} minutes' as available_at,
        price,
        avg(price_quantile) + 0.5 / {{ steps }} as price_quantile
    from steps
    group by sector, ended_at, price
)

select * from final
