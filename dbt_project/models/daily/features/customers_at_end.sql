-- A spine: it asks the feature functions about everybody at the first instant at which all that
-- this build knows was readable. Whom the shop does not describe is known by what was done.
with customers as (
    select * from {{ ref('int_customers') }}
),

ledger as (
    select * from {{ ref('int_customer_ledger') }}
),

build_info as (
    select * from {{ ref('build_info') }}
),

everybody as (
    select customer_id from customers
    union
    select customer_id from ledger
),

final as (
    select
        everybody.customer_id,
        build_info.available_at as as_of
    from everybody
    cross join build_info
)

select * from final
