with asked as (
    select
        campaign_id,
        as_of
    from query_table(spine)
),

campaigns as (
    select * from {{ ref('int_campaigns') }}
),

placed as (
    select
        asked.*,
        asked.as_of at time zone campaigns.timezone as local_at,
        campaigns.sector,
        campaigns.opens_at,
        campaigns.closes_at
    from asked
    asof left join campaigns
        on asked.campaign_id = campaigns.campaign_id and asked.as_of >= campaigns.available_at
),

final as (
    select
        campaign_id,
        as_of,
        cast(coalesce(extract(hour from local_at), 0) as double) as local_hour,
        cast(coalesce(extract(isodow from local_at), 1) as double) as local_weekday,
        cast(coalesce(extract(doy from local_at), 1) as double) as local_day_of_year,
        coalesce(sector, 'unknown') as section,
        -- Elapsed time, so that the hour which a clock change drops or repeats counts as it passed.
        {{ not_negative(minutes_between('opens_at', 'as_of'), 0) }} as minutes_since_opening,
        {{ not_negative(minutes_between('as_of', 'closes_at'), 43200) }} as minutes_to_end
    from placed
)

select * from final
