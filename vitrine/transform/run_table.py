"""The run log as a table of the warehouse: `operations.marts.rpt_runs`."""

from vitrine import runlog
from vitrine.transform.record_table import Column, Table

_COLUMNS = (
    Column("run_id", "varchar", "id", "When it started, which stage, which interval."),
    Column("stage", "varchar", "record ->> 'stage'", "The command, such as build daily marts."),
    Column(
        "outcome",
        "varchar",
        "record ->> 'outcome'",
        "succeeded, failed, skipped, or refused: another stage had to come first.",
    ),
    Column(
        "interval_start_at",
        "timestamptz",
        "record ->> 'interval_start_at'",
        "First instant of the interval that it worked on.",
    ),
    Column(
        "interval_end_at",
        "timestamptz",
        "record ->> 'interval_end_at'",
        "First instant after the interval that it worked on.",
    ),
    Column(
        "started_at", "timestamptz", "record ->> 'started_at'", "When it started, by the clock."
    ),
    Column("elapsed_s", "double", "record ->> 'elapsed_s'", "How long it took, seconds."),
    Column(
        "rows_in",
        "bigint",
        "record -> 'figures' ->> 'rows_in'",
        "Rows that it read; null where it did not count them.",
    ),
    Column(
        "rows_out",
        "bigint",
        "record -> 'figures' ->> 'rows_out'",
        "Rows that it wrote, or that a built layer holds; null where it did not count them.",
    ),
    Column(
        "bytes_read",
        "bigint",
        "list_sum(cast([record ->> 'bytes_read', record -> 'figures' ->> 'jvm_bytes_read']"
        " as bigint[]))",
        "Bytes read, from disk or memory, with children, the JVM and program files; null where the"
        " system does not count them.",
    ),
    Column(
        "bytes_written",
        "bigint",
        "list_sum(cast([record ->> 'bytes_written', record -> 'figures' ->> 'jvm_bytes_written']"
        " as bigint[]))",
        "Bytes written, with children and the JVM; null where the system does not count them.",
    ),
    Column(
        "peak_memory_bytes",
        "bigint",
        "record ->> 'peak_memory_bytes'",
        "Largest resident size of its process or of one child.",
    ),
    Column(
        "jvm_peak_memory_bytes",
        "bigint",
        "record -> 'figures' ->> 'jvm_peak_memory_bytes'",
        "Largest resident size of Spark's driver, beside the above; null without Spark.",
    ),
    Column(
        "vitrine_version",
        "varchar",
        "record ->> 'vitrine_version'",
        "Version of Vitrine that ran.",
    ),
    Column(
        "error",
        "varchar",
        "record -> 'figures' ->> 'error'",
        "Why it failed or was skipped; null where it succeeded.",
    ),
    Column(
        "figures",
        "varchar",
        "record ->> 'figures'",
        "Everything that it noted, as JSON text; figures ->> 'rows_in' reads one.",
    ),
)

TABLE = Table(
    "rpt_runs",
    "what runs cost",
    "One row per run of a stage, as far as the newest publication knows: what it did, for which"
    f" interval, and what it cost. The newest {runlog.RECENT_MONTHS} months; runs/months in the"
    " home holds all.",
    _COLUMNS,
)
