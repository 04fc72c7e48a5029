with asked as (
    select
        customer_id,
        as_of
    from query_table(spine)
),

purchase_ledger as (
    select * from {{ ref('int_customer_purchase_ledger') }}
),

sector_ledger as (
    select * from {{ ref('int_customer_sector_ledger') }}
),

purchases as (
    select
        {%- for season in seasons() %}
        {{ grown(season ~ '_unit_count', 365) }} as {{ season }}_unit_count,
        {%- endfor %}
        {{ grown('unit_count', 365) }} as unit_count,
        {{ grown('discounted_unit_count', 365) }} as discounted_unit_count,
        {{ grown('bestseller_unit_count', 365) }} as bestseller_unit_count,
        min(ledger.first_ordered_at) as first_ordered_at,
        asked.customer_id,
        asked.as_of
    from asked
    inner join purchase_ledger as ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    group by asked.customer_id, asked.as_of
),

sectors as (
    select
        asked.customer_id,
        ledger.sector,
        asked.as_of,
        {{ grown('unit_count', 365) }} as unit_count
    from asked
    inner join sector_ledger as ledger
        on asked.customer_id = ledger.customer_id and asked.as_of >= ledger.available_at
    -- What is not described is not of one sector.
    where ledger.sector != 'unknown'
    group by asked.customer_id, ledger.sector, asked.as_of
),

largest_sectors as (
    select
        customer_id,
        as_of,
        max(unit_count) as sector_unit_count
    from sectors
    group by customer_id, as_of
),

habits as (
    select
        *,
        greatest(
            {%- for season in seasons() %}
            {{ season }}_unit_count{{ ',' if not loop.last }}
            {%- endfor %}
        ) as season_unit_count
    from purchases
    left join largest_sectors using (customer_id, as_of)
),

final as (
    select
        asked.customer_id,
        asked.as_of,
        coalesce(
            {{ follows_bestsellers('habits.bestseller_unit_count', 'habits.unit_count') }}, false
        ) as is_bestseller_follower,
        coalesce(
            {{ buys_in_one_sector('habits.sector_unit_count', 'habits.unit_count') }}, false
        ) as is_single_sector,
        coalesce(
            {{ buys_discounts_only('habits.discounted_unit_count', 'habits.unit_count') }}, false
        ) as is_discount_only,
        coalesce(
            {{ buys_in_one_season(
                'habits.season_unit_count', 'habits.unit_count', 'habits.first_ordered_at',
                'asked.as_of',
            ) }}, false
        ) as is_seasonal
    from asked
    left join habits using (customer_id, as_of)
)

select * from final
