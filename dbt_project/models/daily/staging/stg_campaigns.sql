with source as (
    select * from {{ source('lake', 'campaigns') }}
),

final as (
    select
        campaign_id,
        brand,
        business_type,
        sector,
        sub_sector,
        country,
        timezone,
        opens_at,
        closes_at,
        received_at
    from source
    where {{ is_new('received_at') }}
)

select * from final
