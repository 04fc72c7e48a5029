with landed_files as (
    select * from {{ ref('stg_landed_files') }}
),

refused as (
    select
        received_on,
        unnest(quarantined) as refusal
    from landed_files
),

reasons as (
    select
        received_on,
        'accepted' as reason,
        accepted_count as row_count
    from landed_files
    union all
    select
        received_on,
        refusal.reason,
        refusal.row_count
    from refused
),

counted as (
    select
        received_on,
        reason,
        cast(sum(row_count) as bigint) as row_count
    from reasons
    group by received_on, reason
),

final as (
    select
        received_on,
        reason,
        row_count,
        row_count / nullif(sum(row_count) over (partition by received_on), 0) as row_ratio
    from counted
)

select * from final
