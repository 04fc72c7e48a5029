"""One local Spark session for all tests, and a lake that is written row by row."""

from collections.abc import Callable

import pyarrow as pa
import pytest

from vitrine import contracts, deltas, lake
from vitrine.interval import Interval
from vitrine.paths import Paths


@pytest.fixture(scope="session")
def spark():
    from pyspark.sql import SparkSession

    from spark_jobs.session import session

    SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config(
        "spark.sql.shuffle.partitions", "2"
    ).config("spark.driver.bindAddress", "127.0.0.1").config(
        "spark.driver.host", "127.0.0.1"
    ).getOrCreate()
    running = session("tests")
    yield running
    running.stop()


@pytest.fixture
def empty_lake(paths: Paths) -> Paths:
    """A home whose lake and deltas hold every table without rows."""
    for table in contracts.TABLES.values():
        lake.ensure_table(paths.lake, table.name, table.schema)
    for table in deltas.TABLES.values():
        lake.ensure_table(paths.deltas, table.name, table.schema)
    return paths


@pytest.fixture
def receive(empty_lake: Paths) -> Callable[..., None]:
    """Put rows of a contract table into the lake, as one drop of the interval."""

    def put(table: str, interval: Interval, rows: list[dict]) -> None:
        schema = contracts.table(table).schema
        content = contracts.table(table).conform(pa.Table.from_pylist(rows, schema=schema))
        lake.write_partition(empty_lake.lake, table, interval, content)

    return put
