"""A standalone cluster of two workers on this machine gives the same bytes as one process."""

import pytest

from benchmarks.cluster import standalone
from spark_jobs.commands import submit
from tests.spark_jobs import golden
from tests.spark_jobs.conftest import Shop
from vitrine.paths import Paths
from vitrine.settings import load_settings


@pytest.mark.slow
def test_the_same_job_gives_the_same_files_on_two_workers(golden_shop, tmp_path):
    environment = {"VITRINE_HOME": str(tmp_path / "home"), "VITRINE_LANDING": str(tmp_path)}
    shop = Shop(Paths.of(load_settings(environment)))
    golden.fill(shop)
    with standalone(tmp_path / "cluster") as master:
        settings = load_settings(environment | {"VITRINE_SPARK_MASTER": master})
        submit(settings, "days", golden.DAYS)
    for name in ("user_days", "user_sector_days", "product_days"):
        alone, together = (files(each, name) for each in (golden_shop, shop))
        assert alone == together, name
        assert len(alone) == len(golden.DAYS.days()) + 1
    log = (tmp_path / "cluster" / "master.log").read_text()
    assert log.count("Registering worker") == 2
    assert "Registered app vitrine days" in log


def files(shop, table):
    return {n: content for n, content in shop.contents().items() if n.startswith(f"{table}/")}
