"""Yesterday's features: land what the shop delivered, sum it up with Spark, rebuild and publish the
daily warehouse.

**Runs** at 02:00 UTC for the UTC day before. By hand: `{"start": "2026-02-13", "end":
"2026-02-14"}`; for many days: `vitrine backfill daily_features --start … --end …`.

**Makes** the asset `daily_features`, which starts `train_ranker` and, with its champion,
`nightly_email_lists`; and the asset `labelled_products` when the day brought some. Last, the small
files of the day are merged, and of those of the week before that are in pieces again.

Beside the build `embed` takes new and changed products through the classifier that serves, so that
tonight's scores and lists find them; a shop without photographs or a classifier skips it. It runs
where the models train, and waits for a training that is running there.

**If it fails** nothing was published, and readers keep yesterday's warehouse. A failed `check_…`
names the rows; a failed `land` names the file. Mend, then clear the failed task: each task replaces
exactly what its day owns. Tonight's lists wait for this run; without it they are not made.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, chain

from spark_jobs.submission import submission
from vitrine.interval import DAY
from vitrine.operations import assets, schedule
from vitrine.operations.tasks import (
    DEFAULTS,
    FIRST_DAY,
    CommandOperator,
    SparkJobOperator,
    by_clock,
)
from vitrine.settings import load_settings

SETTINGS = load_settings()
INTERVAL = "{{ interval(dag_run) }}"
EXTRA = {"start": "{{ start(dag_run) }}", "end": "{{ end(dag_run) }}"}
BUILD = "{{ build_interval(dag_run) }}"
BUILDS = "{{ builds(dag_run) }}"
BUILT = {"start": "{{ start(dag_run) }}", "end": "{{ build_end(dag_run) }}"}

with DAG(
    "daily_features",
    description="02:00 UTC: yesterday's drops become the daily warehouse.",
    doc_md=__doc__,
    schedule=by_clock("0 2 * * *"),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS,
    user_defined_macros=schedule.macros(step=DAY),
    params={
        "start": Param(None, type=["null", "string"], description="First instant of receipt."),
        "end": Param(None, type=["null", "string"], description="First instant after the last."),
        "build_until": Param(None, type=["null", "string"], description="For backfills alone."),
    },
    tags=["data", "daily"],
):
    land = CommandOperator(task_id="land", command=f"land {INTERVAL}", pool="landing")
    check_landed = CommandOperator(task_id="check_landed", command=f"check landed {INTERVAL}")
    labelled_products = CommandOperator(
        task_id="labelled_products",
        command=f"labels {INTERVAL}",
        outlets=[assets.LABELLED_PRODUCTS],
        extra=EXTRA,
    )
    spark = SparkJobOperator(
        task_id="spark_days", submission=submission(SETTINGS, "days"), pool="spark"
    )
    check_deltas = CommandOperator(
        task_id="check_deltas", command=f"check deltas {INTERVAL} --database daily"
    )
    build = [
        CommandOperator(
            task_id=f"build_{layer}",
            command=f"build daily --layer {layer} {BUILD}",
            when=BUILDS,
            pool="daily_warehouse",
        )
        for layer in ("staging", "intermediate", "features", "marts")
    ]
    check_features = CommandOperator(
        task_id="check_features", command=f"check features {BUILD} --database daily", when=BUILDS
    )
    embed = CommandOperator(
        task_id="embed",
        command="embed --as-of {{ build_end(dag_run) }}",
        when=BUILDS,
        pool="gpu",
        queue=SETTINGS.training_queue,
        execution_timeout=timedelta(hours=6),
    )
    publish = CommandOperator(
        task_id="publish",
        command=f"publish daily {BUILD}",
        when=BUILDS,
        pool="daily_warehouse",
        outlets=[assets.FEATURES],
        extra=BUILT,
    )
    compact = CommandOperator(task_id="compact", command=f"compact {INTERVAL}", pool="landing")
    chain(land, check_landed, spark, check_deltas, *build, check_features, publish, compact)
    check_landed >> labelled_products
    check_landed >> embed >> publish
