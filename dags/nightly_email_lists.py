"""Tonight's e-mail lists: scores of the champion, then each list of the policy, one by one.

**Runs** at 03:30 UTC, and not before the day's features are published and the ranker has been
compared. By hand: `{"as_of": "2026-02-14T03:30:00Z"}`; the same instant gives the same bytes.

**Makes** the asset `email_lists`: `lists/<list>/<night>/current` with its manifest, of each list
that the policy names, in its order: `make` is one task a list, under the list's name, one after the
other, since each takes of the stock and of the caps what those before it left. It builds the list,
lets the gate look at it, and checks everyone once more with the newest that was received; where
nothing changed, it writes nothing.

**If it fails** the lists that are red in `make` were not published, and yesterday's is not sent
again; the others were tried all the same, and those that are green are out. The red task's log says
what looked wrong and what to do; it is not tried again by itself, since the list after it would
take its turn meanwhile. Mend, and clear that one task: it makes its list anew, of what the others
left. Where the data were wrong, clear the run from `score` on; where the policy has got another
list, from `names` on. See the runbook `the-lists-did-not-come`.
"""

from datetime import timedelta

from airflow.providers.standard.sensors.date_time import DateTimeSensor
from airflow.sdk import DAG, Param, chain

from vitrine.operations import assets, schedule
from vitrine.operations.tasks import DEFAULTS, FIRST_DAY, CommandOperator, ListOperator

AS_OF = "{{ as_of(dag_run) }}"

with DAG(
    "nightly_email_lists",
    description="03:30 UTC, after features and ranker: score; build, check, publish each list.",
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
    names = CommandOperator(
        task_id="names", command="lists names", do_xcom_push=True, output_processor=str.split
    )
    make = ListOperator.partial(
        task_id="make",
        as_of=AS_OF,
        map_index_template="{{ task.list_name }}",
        max_active_tis_per_dagrun=1,
        # While it waited for another try, the next list would take its stock and letters; and what
        # the gate withholds, it withholds again.
        retries=0,
        outlets=[assets.LISTS],
        extra={"end": AS_OF},
    ).expand(list_name=names.output)
    chain(wait, score, names, make)
