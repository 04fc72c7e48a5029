with asked as (
    select
        customer_id,
        sector,
        as_of
    from query_table(spine)
),

sector_ledger as (
    select * from {{ ref('int_customer_sector_ledger') }}
),

reads as (
    select
        {%- for days in [7, 30, 365] %}
        {{ grown('turnover', days) }} as turnover_{{ days }}d,
        {{ grown('view_count', days) }} as view_count_{{ days }}d,
        {%- endfor %}
        asked.customer_id,
        asked.sector,
        asked.as_of
    from asked
    inner join sector_ledger as ledger
        on
            asked.customer_id = ledger.customer_id
            and asked.sector = ledger.sector
            and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.sector, asked.as_of
),

final as (
    select
        asked.customer_id,
        asked.sector,
        asked.as_of,
        {%- for days in [7, 30] %}
        coalesce(reads.turnover_{{ days }}d, 0) as customer_sector_turnover_{{ days }}d,
        coalesce(reads.view_count_{{ days }}d, 0) as customer_sector_view_count_{{ days }}d,
        {%- endfor %}
        coalesce(reads.turnover_365d, 0) as customer_sector_turnover_365d,
        coalesce(reads.view_count_365d, 0) as customer_sector_view_count_365d
    from asked
    left join reads using (customer_id, sector, as_of)
)

select * from final
