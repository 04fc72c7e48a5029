"""The last delivery: how each campaign sells, now and per demographic cluster.

**Runs** every 15 minutes for the window before; once a day, at 01:30 UTC, for the day before where
the shop delivers whole days. By hand, also for a longer stretch that was missed:
`{"start": "2026-02-14T06:00:00Z", "end": "2026-02-14T09:15:00Z"}`; or `vitrine backfill
campaign_performance --start … --end …`.

**Makes** the asset `intraday_features`: the published intraday warehouse.

**If it fails** readers keep the windows before. No later run is built over the hole; it says which
`vitrine backfill` fills it.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, TriggerRule, chain

from spark_jobs.submission import submission
from vitrine.operations import assets, schedule
from vitrine.operations.tasks import (
    DEFAULTS,
    FIRST_DAY,
    CommandOperator,
    SparkJobOperator,
    by_clock,
)
from vitrine.settings import load_settings
from vitrine.sources import source

SETTINGS = load_settings()
STEP = source(SETTINGS.source).delivery_step
INTERVAL = "{{ interval(dag_run) }}"
BUILD = "{{ build_interval(dag_run) }}"
BUILDS = "{{ builds(dag_run) }}"
BUILT = {"start": "{{ start(dag_run) }}", "end": "{{ build_end(dag_run) }}"}

with DAG(
    "campaign_performance",
    description="After each delivery: the last windows' sales become the intraday warehouse.",
    doc_md=__doc__,
    schedule=by_clock(schedule.WINDOWS_CLOCK[STEP]),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    # Nothing delivered, nothing changed: where `land` skips itself, so does what comes after.
    default_args=DEFAULTS
    | {"execution_timeout": timedelta(minutes=30), "trigger_rule": TriggerRule.ALL_SUCCESS},
    user_defined_macros=schedule.macros(step=STEP),
    params={
        "start": Param(None, type=["null", "string"], description="First instant of receipt."),
        "end": Param(None, type=["null", "string"], description="First instant after the last."),
        "build_until": Param(None, type=["null", "string"], description="For backfills alone."),
    },
    tags=["data", "intraday"],
):
    land = CommandOperator(task_id="land", command=f"land {INTERVAL}", pool="landing")
    spark = SparkJobOperator(
        task_id="spark_campaign_windows",
        submission=submission(SETTINGS, "campaign-windows"),
        pool="spark",
    )
    # In one call: to load Great Expectations twice would take longer than both checks.
    check_landed_and_deltas = CommandOperator(
        task_id="check_landed_and_deltas",
        command=f"check landed deltas {INTERVAL} --database intraday",
    )
    build = [
        CommandOperator(
            task_id=f"build_{layer}",
            command=f"build intraday --layer {layer} {BUILD}",
            when=BUILDS,
            pool="intraday_warehouse",
        )
        for layer in ("staging", "intermediate", "features", "marts")
    ]
    check_features = CommandOperator(
        task_id="check_features",
        command=f"check features {BUILD} --database intraday",
        when=BUILDS,
    )
    publish = CommandOperator(
        task_id="publish",
        command=f"publish intraday {BUILD}",
        when=BUILDS,
        pool="intraday_warehouse",
        outlets=[assets.WINDOWS],
        extra=BUILT,
    )
    chain(land, spark, check_landed_and_deltas, *build, check_features, publish)
