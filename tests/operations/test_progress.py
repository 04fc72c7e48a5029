from vitrine.operations.airflow import TaskState
from vitrine.operations.progress import going_on

LISTS = {"nightly_email_lists": "train_ranker"}


def task(name, state, pool="default_pool"):
    dag, _, its_own = name.partition(".")
    return TaskState(dag, "run", its_own, state, 1, 0.0, pool)


def test_who_holds_a_pool_is_named_where_several_run():
    tasks = [
        task("campaign_performance.land", "running", "landing"),
        task("train_classifier.train", "running", "gpu"),
        task("train_ranker.train", "scheduled", "gpu"),
        task("train_ranker.examples", "success"),
    ]
    since = {"campaign_performance.land": "10:01", "train_classifier.train": "09:12"}
    assert going_on(tasks, since, LISTS) == (
        "campaign_performance.land since 10:01, train_classifier.train since 09:12;"
        " train_ranker.train waits for train_classifier.train"
        " (pool gpu: one training or embedding at a time);"
        " nightly_email_lists waits for train_ranker"
    )


def test_what_is_between_two_tasks_waits_for_nobody():
    tasks = [task("land.land", "success", "landing"), task("land.check", "scheduled")]
    assert going_on(tasks, {}, LISTS) == ""
    running = [task("land.spark", "running"), task("land.check", "scheduled")]
    assert going_on(running, {"land.spark": "00:10"}, {}) == "land.spark since 00:10"
