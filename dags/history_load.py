"""Load a long interval in one pass: everything that the daily and the intraday runs do, for both
databases. Last, small files are merged.

**Start it by hand** with `{"start": "2026-01-01", "end": "2026-02-13"}`; both are instants of
receipt, the end is exclusive. Use it for a new shop, and after a change that must reach old days.

**If it fails**, read the task's log (its last line says what to do), mend, and clear the failed
task: every task replaces exactly what its interval owns, so running again is safe. Readers keep
the last published warehouse all the while.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, chain

from spark_jobs.submission import submission
from vitrine.operations import assets, schedule
from vitrine.operations.tasks import DEFAULTS, FIRST_DAY, CommandOperator, SparkJobOperator
from vitrine.settings import load_settings

SETTINGS = load_settings()
INTERVAL = "{{ interval(dag_run) }}"
EXTRA = {"start": "{{ start(dag_run) }}", "end": "{{ end(dag_run) }}"}
BUILD = "{{ build_interval(dag_run) }}"
BUILDS = "{{ builds(dag_run) }}"
BUILT = {"start": "{{ start(dag_run) }}", "end": "{{ build_end(dag_run) }}"}
LAYERS = ("staging", "intermediate", "features", "marts")

with DAG(
    "history_load",
    description="By hand: land, Spark, gates, both warehouses, for a long interval in one pass.",
    doc_md=__doc__,
    schedule=None,
    start_date=FIRST_DAY,
    max_active_runs=1,
    default_args=DEFAULTS | {"execution_timeout": timedelta(hours=12)},
    user_defined_macros=schedule.macros(),
    params={
        "start": Param(None, type=["null", "string"], description="First instant of receipt."),
        "end": Param(None, type=["null", "string"], description="First instant after the last."),
        "build_until": Param(None, type=["null", "string"], description="For backfills alone."),
    },
    tags=["data", "by hand"],
):
    land = CommandOperator(task_id="land", command=f"land {INTERVAL}", pool="landing")
    check_landed = CommandOperator(task_id="check_landed", command=f"check landed {INTERVAL}")
    labelled_products = CommandOperator(
        task_id="labelled_products",
        command=f"labels {INTERVAL}",
        outlets=[assets.LABELLED_PRODUCTS],
        extra=EXTRA,
    )
    spark = [
        SparkJobOperator(
            task_id=f"spark_{job.replace('-', '_')}",
            submission=submission(SETTINGS, job, is_long=True),
            pool="spark",
        )
        for job in ("days", "campaign-windows")
    ]
    check_deltas = CommandOperator(task_id="check_deltas", command=f"check deltas {INTERVAL}")
    chain(land, check_landed, spark, check_deltas)
    check_landed >> labelled_products
    compact = CommandOperator(task_id="compact", command=f"compact {INTERVAL}", pool="landing")

    for database, asset in (("daily", assets.FEATURES), ("intraday", assets.WINDOWS)):
        build = [
            CommandOperator(
                task_id=f"build_{database}_{layer}",
                command=f"build {database} --layer {layer} {BUILD}",
                when=BUILDS,
                pool=f"{database}_warehouse",
            )
            for layer in LAYERS
        ]
        check_features = CommandOperator(
            task_id=f"check_{database}_features",
            command=f"check features {BUILD} --database {database}",
            when=BUILDS,
        )
        publish = CommandOperator(
            task_id=f"publish_{database}",
            command=f"publish {database} {BUILD}",
            when=BUILDS,
            pool=f"{database}_warehouse",
            outlets=[asset],
            extra=BUILT,
        )
        chain(check_deltas, *build, check_features, publish, compact)
