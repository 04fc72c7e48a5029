"""Tonight's e-mail lists: scores of the champion, lists, the gate, publication.

**Runs** at 03:30 UTC, and not before the day's features are published and the ranker has been
compared. By hand: `{"as_of": "2026-02-14T03:30:00Z"}`; the same instant gives the same bytes.

**Makes** the asset `email_lists`: `lists/<night>/current` with its manifest.

**If it fails** no list was published, and yesterday's is not sent again. `check_lists` says what
looked wrong. Mend, and clear the failed task; `vitrine lists show --as-of …` shows what was built.
"""

from datetime import timedelta

from airflow.providers.standard.sensors.date_time import DateTimeSensor
from airflow.sdk import DAG, Param, chain

from vitrine.operations import assets, schedule
from vitrine.operations.tasks import DEFAULTS, FIRST_DAY, CommandOperator

AS_OF = "{{ as_of(dag_run) }}"

with DAG(
    "nightly_email_lists",
    description="03:30 UTC, after features and ranker: score, build, check, publish the lists.",
    doc_md=__doc__,
    schedule=[assets.FEATURES, assets.RANKER],
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"owner": "crm"},
    user_defined_macros=schedule.macros(after=schedule.SEND_DECISION),
    params={"as_of": Param(None, type=["null", "string"], description="Make the lists for this.")},
    tags=["lists"],
):
    wait = DateTimeSensor(
        task_id="wait_until_then",
        target_time=AS_OF,
        mode="reschedule",
        poke_interval=60,
        timeout=timedelta(hours=6).total_seconds(),
        execution_timeout=timedelta(hours=6),
    )
    score = CommandOperator(task_id="score", command=f"score --as-of {AS_OF}")
    build = CommandOperator(task_id="build", command=f"lists build --as-of {AS_OF}")
    check_lists = CommandOperator(task_id="check_lists", command=f"check lists --as-of {AS_OF}")
    publish = CommandOperator(
        task_id="publish",
        command=f"lists publish --as-of {AS_OF}",
        outlets=[assets.LISTS],
        extra={"end": AS_OF},
    )
    chain(wait, score, build, check_lists, publish)
