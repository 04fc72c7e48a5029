{{ config(materialized='table') }}
{%- set files_type -%}
struct(
        file varchar,
        row_count bigint,
        accepted_count bigint,
        quarantined struct(reason varchar, row_count bigint)[]
    )[]
{%- endset %}

with source as (
    {%- if var("books") %}
    select *
    from
        read_json(
            '{{ var("books") }}/[0-9]*.json',
            columns = { interval_start_at: 'timestamptz', files: '{{ files_type }}' }
        )
    {%- else %}
    select
        cast(null as timestamptz) as interval_start_at,
        cast(null as {{ files_type }}) as files
    where false
    {%- endif %}
),

files as (
    select
        interval_start_at,
        unnest(files) as file
    from source
    where interval_start_at < {{ end_at() }}
),

final as (
    select
        file.file,
        files.interval_start_at,
        {{ utc_day('files.interval_start_at') }} as received_on,
        file.row_count,
        file.accepted_count,
        file.quarantined
    from files
)

select * from final
