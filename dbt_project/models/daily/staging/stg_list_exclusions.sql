with source as (
    select * from {{ source('lists', 'list_exclusions') }}
),

-- lists/<list>/<night>/versions/<version>/exclusions.parquet; the file without rows has neither.
named as (
    select
        customer_id,
        exclusion,
        assigned,
        regexp_extract(
            filename, '.*/([^/]+)/(\d{4}-\d{2}-\d{2})/', ['list_name', 'night']
        ) as place
    from source
),

final as (
    select
        place['list_name'] as list_name,
        try_cast(place['night'] as date) as night,
        customer_id,
        exclusion,
        assigned
    from named
    where {{ is_new_day('try_cast(place[\'night\'] as date)') }}
)

select * from final
