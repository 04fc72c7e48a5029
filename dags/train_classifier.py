"""The product classifier: images and text to labels, and the product embeddings.

**Runs** on Sundays at 04:00 UTC, and when products with photographs and labels arrived. By hand:
`{"as_of": "2026-02-14"}`; it learns from what was received before that instant.

**Makes** the asset `classifier_champion`: the challenger was compared, the alias `champion` stands
on the better one, and its embeddings of the catalogue are published.

**If it fails** the champion of before stays in use; nothing else waits for this.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from vitrine.operations import assets, schedule
from vitrine.operations.tasks import DEFAULTS, FIRST_DAY, CommandOperator, by_clock_or
from vitrine.settings import load_settings

AS_OF = "{{ as_of(dag_run) }}"

with DAG(
    "train_classifier",
    description="Weekly and on new labelled products: train, compare, promote, embed.",
    doc_md=__doc__,
    schedule=by_clock_or("0 4 * * 0", assets.LABELLED_PRODUCTS),
    start_date=FIRST_DAY,
    catchup=False,
    max_active_runs=1,
    default_args=DEFAULTS | {"owner": "data-science"},
    user_defined_macros=schedule.macros(),
    params={"as_of": Param(None, type=["null", "string"], description="Learn from before this.")},
    tags=["models"],
):
    CommandOperator(
        task_id="train",
        command=f"train classifier --as-of {AS_OF}",
        pool="gpu",
        queue=load_settings().training_queue,
        execution_timeout=timedelta(hours=12),
        outlets=[assets.CLASSIFIER],
        extra={"end": AS_OF},
    )
