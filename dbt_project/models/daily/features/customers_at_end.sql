-- A spine: it asks the feature functions about everybody at the first instant at which all that
-- this build knows was readable.
with customers as (
    select * from {{ ref('int_customers') }}
),

build_info as (
    select * from {{ ref('build_info') }}
),

final as (
    select distinct
        customers.customer_id,
        build_info.available_at as as_of
    from customers
    cross join build_info
)

select * from final
