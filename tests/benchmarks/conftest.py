"""The Spark session of `tests/spark_jobs`."""

from tests.spark_jobs.conftest import spark

__all__ = ["spark"]
