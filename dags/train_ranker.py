"""The ranker: purchases with the features of their instant, a back-test, promotion by the gate.

**Runs** when new daily features are published. By hand: `{"as_of": "2026-02-14"}`; it learns from
what was available before that instant and holds out the last seven days before it.

**Makes** the asset `ranker_champion`, with which tonight's lists are made.

**If it fails** the champion of before stays, but tonight's lists wait for this run. When the fault
cannot be mended tonight, start `nightly_email_lists` by hand: it takes the champion of before.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, chain

from vitrine.operations import assets, schedule
from vitrine.operations.tasks import DEFAULTS, FIRST_DAY, CommandOperator
from vitrine.settings import load_settings

AS_OF = "{{ as_of(dag_run) }}"

with DAG(
    "train_ranker",
    description="On new daily features: examples, train, back-test, promote.",
    doc_md=__doc__,
    schedule=[assets.FEATURES],
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"owner": "data-science"},
    user_defined_macros=schedule.macros(),
    params={"as_of": Param(None, type=["null", "string"], description="Learn from before this.")},
    tags=["models"],
):
    examples = CommandOperator(task_id="examples", command=f"train examples --as-of {AS_OF}")
    check_examples = CommandOperator(
        task_id="check_examples", command=f"check examples --as-of {AS_OF}"
    )
    train = CommandOperator(
        task_id="train",
        command=f"train ranker --as-of {AS_OF}",
        pool="gpu",
        # Of those that wait for the pool it comes before the classifier: tonight's lists need it.
        priority_weight=2,
        queue=load_settings().training_queue,
        execution_timeout=timedelta(hours=6),
        outlets=[assets.RANKER],
        extra={"end": AS_OF},
    )
    chain(examples, check_examples, train)
