"""A standalone cluster of two workers on this machine gives the same bytes as one process."""

import pytest

from benchmarks.cluster import standalone
from spark_jobs.commands import submit
from tests.spark_jobs import golden
from tests.spark_jobs.conftest import Shop
from vitrine.paths import Paths
from vitrine.settings import load_settings

JOBS = ("days", "campaign-windows")


@pytest.mark.slow
def test_the_same_jobs_give_the_same_files_on_two_workers(golden_shop, tmp_path):
    environment = {"VITRINE_HOME": str(tmp_path / "home"), "VITRINE_LANDING": str(tmp_path)}
    shop = Shop(Paths.of(load_settings(environment)))
    golden.fill(shop)
    with standalone(tmp_path / "cluster") as master:
        settings = load_settings(environment | {"VITRINE_SPARK_MASTER": master})
        for job in JOBS:
            submit(settings, job, golden.DAYS)
    assert shop.contents() == golden_shop.contents()
    log = (tmp_path / "cluster" / "master.log").read_text()
    assert log.count("Registering worker") == 2
    for job in JOBS:
        assert f"Registered app vitrine {job}" in log
