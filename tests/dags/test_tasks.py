"""The operators, run by Airflow itself in a small DAG."""

import os
import sys

import pytest

pytestmark = pytest.mark.slow

FILE = """
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from airflow.sdk import DAG, Asset, chain

from vitrine.operations import schedule
from vitrine.operations.tasks import DEFAULTS, CommandOperator, ListOperator, SparkJobOperator


@dataclass(frozen=True)
class Exits99:
    name: str = "exits"
    application: Path = Path({job!r})
    driver_memory: str = "512m"

    @property
    def conf(self):
        return {{"spark.ui.enabled": "false"}}

    @property
    def environment(self):
        return {{"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": {python!r}}}

    def arguments(self, start, end):
        return [start, end]


EXTRA = {{"end": "{{{{ end(dag_run) }}}}"}}
with DAG(
    "tiny",
    start_date=datetime(2026, 1, 1),
    schedule=None,
    default_args=DEFAULTS | {{"retries": 0}},
    user_defined_macros=schedule.macros(),
):
    works = CommandOperator(
        task_id="works", command="--version", outlets=[Asset("made")], extra=EXTRA
    )
    lacks = CommandOperator(
        task_id="lacks",
        command="labels {{{{ interval(dag_run) }}}}",
        outlets=[Asset("never_made")],
        extra=EXTRA,
    )
    spark = SparkJobOperator(task_id="spark", submission=Exits99())
    after = CommandOperator(task_id="after", command="--help")
    chain([works, lacks, spark], after)
    names = CommandOperator(
        task_id="names", command="lists names", do_xcom_push=True, output_processor=str.split
    )
    make = ListOperator.partial(
        task_id="make",
        as_of="{{{{ end(dag_run) }}}}",
        map_index_template="{{{{ task.list_name }}}}",
        max_active_tis_per_dagrun=1,
        env={{"VITRINE_SOURCE": "flash_sale"}},
        append_env=True,
        outlets=[Asset("lists")],
        extra=EXTRA,
    ).expand(list_name=names.output)
"""
POLICY = "lists: {weekly: {}, daily: {}}"
JOB = """
import sys
assert sys.argv[1:] == ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"], sys.argv
sys.exit(99)
"""


@pytest.fixture(scope="module")
def run(airflow_home):
    """The finished run of that DAG, for a shop without images."""
    from airflow.dag_processing.dagbag import DagBag

    folder = airflow_home / "dags"
    job = airflow_home / "job.py"
    job.write_text(JOB)
    policy = airflow_home / "list_policy.yaml"
    policy.write_text(POLICY)
    (folder / "tiny.py").write_text(FILE.format(job=str(job), python=sys.executable))
    before = dict(os.environ)
    os.environ["VITRINE_SOURCE"] = "online_retail"
    bag = DagBag(str(folder))
    assert bag.import_errors == {}
    try:
        conf = {"start": "2026-03-01", "end": "2026-03-02"}
        yield bag.dags["tiny"].test(run_conf=conf)
    finally:
        os.environ.clear()
        os.environ.update(before)
        policy.unlink()


def state(run, task):
    return str(run.get_task_instance(task).state)


def test_a_command_that_works_is_a_success(run):
    assert state(run, "works") == "success"


def test_a_stage_whose_tables_the_shop_lacks_is_skipped(run):
    assert state(run, "lacks") == "skipped"


def test_a_spark_job_that_skips_itself_is_skipped(run):
    assert state(run, "spark") == "skipped"


def test_what_comes_after_a_skipped_stage_decides_for_itself(run):
    assert state(run, "after") == "success"


def test_an_asset_carries_the_interval_and_a_skipped_task_makes_none(run):
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        events = [(event.asset.name, event.extra) for event in session.query(AssetEvent)]
    assert [name for name, _ in events] == ["made"]
    assert events[0][1]["end"] == "2026-03-02T00:00:00Z"


def test_a_list_that_fails_keeps_no_other_from_being_tried(run):
    # The scheduler takes them by their index; a run in one process in any order.
    made = {t.map_index: t for t in run.get_task_instances() if t.task_id == "make"}
    assert [made[n].rendered_map_index for n in sorted(made)] == ["weekly", "daily"]
    assert {str(task.state) for task in made.values()} == {"failed"}
    assert str(run.state) == "failed"
