{%- set description -%}
    signed_up_at, gender, age_band, socio_professional_group, country, language, timezone,
    demographic_cluster
{%- endset %}

with customers as (
    select * from {{ ref('stg_customers') }}
),

described as (
    select
        customer_id,
        received_at as available_at,
        signed_up_at,
        coalesce(gender, 'unknown') as gender,
        coalesce(nullif(split_part(demographic_cluster, ':', 2), ''), 'unknown') as age_band,
        coalesce(socio_professional_group, 'unknown') as socio_professional_group,
        country,
        language,
        timezone,
        demographic_cluster
    from customers
),

together as (
    {{ with_versions_before('described', ['customer_id']) }}
),

known as (
    select
        * replace (
            min(signed_up_at) over (
                partition by customer_id order by available_at rows unbounded preceding
            ) as signed_up_at
        )
    from together
),

-- A shop may send the same description every day: a version begins where something changed.
final as (
    select * from known
    qualify {{ changed(description, ['customer_id']) }}
)

select * from final
