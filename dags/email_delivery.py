"""The optional last step of the lists: letters that are due go to the policy's mail server.

**Runs** every 15 minutes, over all lists of the policy in its order, since customers are written to
at their own hours. Without a mail server in the list policy (`delivery.host`) the task is skipped:
the exported files are the hand-off. By hand: `{"as_of": "2026-02-14T06:15:00Z"}` delivers what is
due then; or `vitrine lists deliver --at …`.

**If it fails** the log's last lines name each list that could not be sent, and why; the others
were. Where the server did not answer, what it took is noted, so nobody gets a letter twice: see to
the server, and the next run sends what is still due. What is later than the policy's
`delivery.late_hours` is not sent any more.
"""

from airflow.sdk import DAG, Param

from vitrine.interval import QUARTER_HOUR
from vitrine.operations import schedule
from vitrine.operations.tasks import DEFAULTS, FIRST_DAY, CommandOperator, by_clock

# An instant that a person says, else the quarter of an hour that the clock has reached.
AT = "{{ as_of(dag_run) if params.as_of else end(dag_run) }}"

with DAG(
    "email_delivery",
    description="Every 15 minutes: letters that are due go to the mail server, if there is one.",
    doc_md=__doc__,
    schedule=by_clock(schedule.DELIVERY_CLOCK),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"owner": "crm"},
    user_defined_macros=schedule.macros(step=QUARTER_HOUR),
    params={"as_of": Param(None, type=["null", "string"], description="Deliver what is due then.")},
    tags=["lists"],
):
    CommandOperator(task_id="deliver", command=f"lists deliver --at {AT}")
