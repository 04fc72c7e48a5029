{%- set description -%}
    signed_up_at, gender, age_band, socio_professional_group, country, language, timezone,
    demographic_cluster
{%- endset %}

with customers as (
    select * from {{ ref('stg_customers') }}
),

known as (
    select
        customer_id,
        received_at as available_at,
        min(signed_up_at) over (
            partition by customer_id order by received_at rows unbounded preceding
        ) as signed_up_at,
        coalesce(gender, 'unknown') as gender,
        coalesce(nullif(split_part(demographic_cluster, ':', 2), ''), 'unknown') as age_band,
        coalesce(socio_professional_group, 'unknown') as socio_professional_group,
        country,
        language,
        timezone,
        demographic_cluster
    from customers
),

-- A shop may send the same description every day: a version begins where something changed.
final as (
    select * from known
    qualify
        row({{ description }})
        is distinct from
        lag(row({{ description }})) over (partition by customer_id order by available_at)
)

select * from final
