"""The DAGs' conventions: each found, each task somebody's, bounded, and a command that exists."""

import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import click
import jinja2
import pytest

from vitrine.cli import vitrine
from vitrine.interval import parse_instant
from vitrine.operations import schedule
from vitrine.operations.airflow import DAGS
from vitrine.operations.chain import CHAINS
from vitrine.operations.pools import POOLS

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).parent.parent.parent
OPTIONS = {
    "interval": lambda run: "--start 2026-03-01T00:00:00Z --end 2026-03-02T00:00:00Z",
    "build_interval": lambda run: "--start 2026-03-01T00:00:00Z --end 2026-03-02T00:00:00Z",
    "start": lambda run: "2026-03-01T00:00:00Z",
    "end": lambda run: "2026-03-02T00:00:00Z",
    "build_end": lambda run: "2026-03-02T00:00:00Z",
    "as_of": lambda run: "2026-03-02T03:30:00Z",
}

# What must let through whatever is published: words of `vitrine check`, and its database.
GATES = {
    "history_load.publish_daily": {("landed", ""), ("deltas", ""), ("features", "daily")},
    "history_load.publish_intraday": {("landed", ""), ("deltas", ""), ("features", "intraday")},
    "daily_features.publish": {("landed", ""), ("deltas", "daily"), ("features", "daily")},
    "campaign_performance.publish": {("landed deltas", "intraday"), ("features", "intraday")},
}


def suites(line):
    """The suites that a command checks, and the database that it names."""
    words = shlex.split(line)
    if words[1] != "check":
        return None
    named = words[words.index("--database") + 1] if "--database" in words else ""
    options = next(n for n, word in enumerate(words) if word.startswith("--"))
    return " ".join(words[2:options]), named


def tasks(dag_bag):
    """Every task; of those that are made one a list at run time, the list daily's."""
    found = [
        (dag.dag_id, task.unmap({"list_name": "daily"}) if task.is_mapped else task)
        for dag in dag_bag.dags.values()
        for task in dag.tasks
    ]
    assert found, "no task was found at all"
    return found


def commands(dag_bag):
    """Each command line of the DAGs, templates filled."""
    told: dict[str, object] = {"dag_run": None, "params": {}}
    return {
        f"{dag}.{task.task_id}": jinja2.Template(task.bash_command).render(OPTIONS, **told)
        for dag, task in tasks(dag_bag)
        if hasattr(task, "bash_command")
    }


def awaited(timetable):
    """The assets that start a DAG."""
    condition = getattr(timetable, "asset_condition", None)
    return getattr(condition, "objects", [condition] if condition else [])


def test_all_dags_are_found_and_no_other(dag_bag):
    assert dag_bag.import_errors == {}
    assert set(dag_bag.dags) == set(DAGS)


def test_each_task_has_an_owner_retries_and_a_timeout(dag_bag):
    for dag, task in tasks(dag_bag):
        assert task.owner not in ("", "airflow"), f"{dag}.{task.task_id}"
        has_turn = (dag, task.task_id) == ("nightly_email_lists", "make")
        assert (task.retries >= 1) is not has_turn, f"{dag}.{task.task_id}"
        assert task.execution_timeout is not None, f"{dag}.{task.task_id}"


def test_each_dag_tells_the_reader_at_night_what_to_do(dag_bag):
    for dag in dag_bag.dags.values():
        assert dag.description, dag.dag_id
        assert "If it fails" in dag.doc_md, dag.dag_id
        assert "by hand" in dag.doc_md.lower(), dag.dag_id
        assert dag.tags, dag.dag_id


def test_one_run_of_a_dag_at_a_time(dag_bag):
    assert {dag.max_active_runs for dag in dag_bag.dags.values()} == {1}
    assert not any(dag.catchup for dag in dag_bag.dags.values())


def test_what_tonights_lists_wait_for_comes_before_the_classifier(dag_bag):
    # Airflow adds the weights of what comes after a task.
    weight = {
        f"{dag}.{task.task_id}": task.priority_weight
        + sum(each.priority_weight for each in task.get_flat_relatives(upstream=False))
        for dag, task in tasks(dag_bag)
        if task.pool == "gpu"
    }
    classifier = weight["train_classifier.train"]
    assert min(weight["train_ranker.train"], weight["daily_features.embed"]) > classifier


def test_every_pool_exists(dag_bag):
    used = {task.pool for _, task in tasks(dag_bag)}
    assert used - {"default_pool"} == set(POOLS)


def test_what_wants_a_gpu_runs_one_at_a_time_where_it_is(dag_bag):
    wanted = {("train_ranker", "train"), ("train_classifier", "train"), ("daily_features", "embed")}
    found = {(dag, task.task_id): task for dag, task in tasks(dag_bag) if task.pool == "gpu"}
    assert set(found) == wanted
    assert {task.queue for task in found.values()} == {"accelerated"}
    others = {task.queue for _, task in tasks(dag_bag) if task.pool != "gpu"}
    assert others == {"default"}


def test_every_command_is_one_that_a_person_can_type(dag_bag):
    assert len(commands(dag_bag)) >= 20
    lines = [(n, line) for n, all_of in commands(dag_bag).items() for line in all_of.split(" && ")]
    for name, line in lines:
        program, *words = shlex.split(line)
        assert program == "vitrine", name
        command: click.Command = vitrine
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, f"{name}: {line}"
            command, words = found, words[1:]
        command.make_context(name, words)  # refuses unknown options and values


def test_spark_jobs_go_through_the_connection(dag_bag):
    spark = {
        f"{dag}.{task.task_id}": task
        for dag, task in tasks(dag_bag)
        if task.task_id.startswith("spark")
    }
    assert set(spark) == {
        "history_load.spark_days",
        "history_load.spark_campaign_windows",
        "daily_features.spark_days",
        "campaign_performance.spark_campaign_windows",
    }
    for name, task in spark.items():
        assert task._conn_id == "spark_default", name
        assert task.pool == "spark", name
        assert task.conf["spark.sql.session.timeZone"] == "UTC", name


def test_nothing_is_published_that_no_gate_let_through(dag_bag):
    for dag, task in tasks(dag_bag):
        if not task.task_id.startswith("publish"):
            continue
        before = {f"{dag}.{t.task_id}" for t in task.get_flat_relatives(upstream=True)}
        lines = [line for name, line in commands(dag_bag).items() if name in before]
        assert GATES[f"{dag}.{task.task_id}"] <= set(map(suites, lines)), f"{dag}.{task.task_id}"


def test_a_list_is_published_where_the_gate_let_just_this_one_through(dag_bag):
    steps = ("lists build", "check lists", "lists publish")
    named = "--list daily --as-of 2026-03-02T03:30:00Z"
    line = commands(dag_bag)["nightly_email_lists.make"]
    assert line.split(" && ") == [f"vitrine {step} {named}" for step in steps]


def test_lists_are_made_one_after_the_other_as_the_policy_names_them(dag_bag):
    make = dag_bag.dags["nightly_email_lists"].get_task("make")
    assert make.max_active_tis_per_dagrun == 1, "the next one takes what is left"
    assert make.retries == 0, "while it waited for a retry, the next one would take its turn"
    assert make.map_index_template == "{{ task.list_name }}"
    assert make.upstream_task_ids == {"names"}
    assert commands(dag_bag)["nightly_email_lists.names"] == "vitrine lists names"


def test_the_days_products_are_embedded_before_scores_and_lists_start(dag_bag):
    publish = dag_bag.dags["daily_features"].get_task("publish")
    assert "daily_features" in {asset.name for asset in publish.outlets}
    before = {task.task_id for task in publish.get_flat_relatives(upstream=True)}
    assert {"embed", "check_landed"} <= before
    embed = dag_bag.dags["daily_features"].get_task("embed")
    assert embed.when == publish.when, "a backfill of many days embeds once, in its last run"


def test_the_dags_hang_together_by_assets(dag_bag):
    makes = {
        dag.dag_id: {asset.name for task in dag.tasks for asset in task.outlets}
        for dag in dag_bag.dags.values()
    }
    assert makes == {
        "history_load": {"daily_features", "intraday_features", "labelled_products"},
        "daily_features": {"daily_features", "labelled_products"},
        "campaign_performance": {"intraday_features"},
        "train_classifier": {"classifier_champion"},
        "train_ranker": {"ranker_champion"},
        "nightly_email_lists": {"email_lists"},
        "email_delivery": set(),
    }
    waits = {
        dag.dag_id: {asset.name for asset in awaited(dag.timetable)}
        for dag in dag_bag.dags.values()
    }
    assert waits == {
        "history_load": set(),
        "daily_features": set(),
        "campaign_performance": set(),
        "train_classifier": {"labelled_products"},
        "train_ranker": {"daily_features"},
        "nightly_email_lists": {"daily_features", "ranker_champion"},
        "email_delivery": set(),
    }


def test_each_asset_says_which_interval_it_stands_for(dag_bag):
    for dag, task in tasks(dag_bag):
        if task.outlets:
            assert "end" in task.extra, f"{dag}.{task.task_id}"


def test_clocks(dag_bag):
    crons = {name: getattr(dag.timetable, "expression", None) for name, dag in dag_bag.dags.items()}
    assert crons["daily_features"] == "0 2 * * *"
    assert crons["campaign_performance"] == "*/15 * * * *"
    assert crons["email_delivery"] == "*/15 * * * *"
    assert dag_bag.dags["train_classifier"].timetable.timetable.expression == "0 4 * * 0"
    assert dag_bag.dags["history_load"].schedule is None


def test_windows_of_a_shop_that_delivers_whole_days_come_once_a_day(airflow_home, monkeypatch):
    from airflow.dag_processing.dagbag import DagBag

    monkeypatch.setenv("VITRINE_SOURCE", "online_retail")
    bag = DagBag(str(REPOSITORY / "dags" / "campaign_performance.py"))
    assert bag.import_errors == {}
    dag = bag.dags["campaign_performance"]
    assert dag.timetable.expression == "30 1 * * *"
    run = SimpleNamespace(conf=None, logical_date=parse_instant("2026-03-02T01:30"))
    assert dag.user_defined_macros["start"](run) == "2026-03-01T00:00:00Z"
    assert dag.user_defined_macros["end"](run) == "2026-03-02T00:00:00Z"


@pytest.mark.parametrize(
    ("conf", "instant"),
    [
        (None, "2026-03-02T06:15:00Z"),
        ({"as_of": None}, "2026-03-02T06:15:00Z"),
        ({"as_of": "2026-02-14T06:20"}, "2026-02-14T06:20:00Z"),
    ],
)
def test_letters_are_delivered_that_are_due_at_the_tick_or_when_a_person_says(
    dag_bag, conf, instant
):
    from airflow.sdk.definitions.param import process_params

    dag = dag_bag.dags["email_delivery"]
    task = dag.get_task("deliver")
    told = {
        "dag_run": SimpleNamespace(conf=conf, logical_date=parse_instant("2026-03-02T06:17")),
        "params": process_params(dag, task, conf, suppress_exception=False),
    }
    line = task.render_template(task.bash_command, told)
    assert line == f"vitrine lists deliver --at {instant}"


def test_lists_are_decided_at_half_past_three(dag_bag):
    macros = dag_bag.dags["nightly_email_lists"].user_defined_macros
    assert schedule.SEND_DECISION.total_seconds() == 3.5 * 3600
    assert "as_of" in macros


@pytest.mark.parametrize("dag", CHAINS)
def test_vitrine_run_has_the_stages_of_the_dag_in_its_order(dag_bag, dag):
    chained = [stage.split(" --layer ")[0].split(" --as-of ")[0] for stage in CHAINS[dag]]
    stages = {}
    for task in dag_bag.dags[dag].topological_sort():
        if task.task_id.startswith("spark_"):
            name = task.task_id.removeprefix("spark_").replace("_", "-")
            stages[task.task_id] = f"spark {name}"
        else:
            line = re.sub(r"--layer \w+ |vitrine ", "", commands(dag_bag)[f"{dag}.{task.task_id}"])
            stages[task.task_id] = " ".join(
                re.sub(r"--start \S+ --end \S+|--as-of \S+", "", line).split()
            )
    stages.pop("labelled_products", None)  # for training alone
    assert set(stages.values()) == set(chained)
    for task_id, stage in stages.items():
        task = dag_bag.dags[dag].get_task(task_id)
        for before in task.upstream_task_ids & set(stages):
            assert chained.index(stages[before]) <= chained.index(stage), (before, task_id)
