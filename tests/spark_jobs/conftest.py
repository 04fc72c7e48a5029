"""One local Spark session for all tests, and a lake that is written row by row."""

from typing import Any

import pyarrow as pa
import pytest

from vitrine import contracts, deltas, lake
from vitrine.interval import Interval
from vitrine.paths import Paths


@pytest.fixture(scope="session")
def spark():
    from pyspark.sql import SparkSession

    from spark_jobs.session import session

    conf: dict[str, Any] = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    SparkSession.builder.master("local[2]").config(map=conf).getOrCreate()
    running = session("tests")
    yield running
    running.stop()


class Shop:
    """A home whose lake is written row by row; every table exists from the start."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        for root, tables in ((paths.lake, contracts.TABLES), (paths.deltas, deltas.TABLES)):
            for table in tables.values():
                lake.ensure_table(root, table.name, table.schema)

    def receive(self, table: str, interval: Interval, rows: list[dict]) -> None:
        """Put rows of a contract table into the lake, as one drop of the interval."""
        schema = contracts.table(table).schema
        content = contracts.table(table).conform(pa.Table.from_pylist(rows, schema=schema))
        lake.write_partition(self.paths.lake, table, interval, content)

    def run(self, spark, job, interval: Interval) -> None:
        """Run a job's module for an interval."""
        from spark_jobs.session import Job

        job.run(spark, Job(self.paths, interval, intraday_history_days=120))

    def rows(self, table: str, interval: Interval) -> list[dict]:
        """Read a delta table's rows received in the interval."""
        return lake.read(self.paths.deltas, table, interval).to_pylist()

    def contents(self) -> dict[str, bytes]:
        """Return the bytes of every delta file."""
        files = self.paths.deltas.rglob("*.parquet")
        return {str(f.relative_to(self.paths.deltas)): f.read_bytes() for f in files}


@pytest.fixture
def shop(paths: Paths) -> Shop:
    """An empty shop of this test alone."""
    return Shop(paths)


@pytest.fixture(scope="session")
def golden_shop(spark, tmp_path_factory) -> Shop:
    """The shop of `golden`, with its deltas computed at once; tests only read it."""
    from spark_jobs import campaign_windows, days
    from tests.spark_jobs import golden

    home = tmp_path_factory.mktemp("golden")
    made = Shop(Paths(landing=home / "landing", home=home))
    golden.fill(made)
    for job in (days, campaign_windows):
        made.run(spark, job, golden.DAYS)
    return made
