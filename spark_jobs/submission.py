"""How a job is submitted: the same file, arguments and configuration by hand and by Airflow.

Nothing here imports pyspark, so a DAG file may read it.
"""

import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from vitrine.errors import BadArgumentError, MachineError
from vitrine.interval import Interval, format_instant
from vitrine.settings import PREFIX, Settings

JOBS = {
    "days": "days.py",
    "campaign-windows": "campaign_windows.py",
}

SQL_CONF = {
    # Without it days would begin at the machine's local midnight.
    "spark.sql.session.timeZone": "UTC",
    # The default, INT96, loses the zone for every other reader.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.adaptive.enabled": "true",
    # Listing a thousand files by a Spark job of a thousand tasks is slower than just doing it.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
}


@dataclass(frozen=True)
class Submission:
    """What `spark-submit`, or Airflow's SparkSubmitOperator, is given besides the interval."""

    name: str
    application: Path
    conf: dict[str, str]
    driver_memory: str
    environment: dict[str, str]

    def arguments(self, start: str, end: str) -> list[str]:
        """Return the application's own arguments; both may be Airflow templates."""
        return ["--start", start, "--end", end]


LONG = timedelta(days=7)
JAVA = {
    # whether the interval is longer than LONG: how Java compiles, and clears its memory
    # Quickly, not well: a day is over before anything better would pay.
    False: "-XX:TieredStopAtLevel=1",
    # Well, and in long pauses that nobody waits for: a third less time for a year.
    True: "-XX:+UseParallelGC",
}


def submission(settings: Settings, job: str, is_long: bool = False) -> Submission:
    """Describe how to submit one of `JOBS`; the master is left to the caller or the connection.

    `is_long` says that the interval is longer than `LONG`.

    Raises
    ------
    BadArgumentError
        If there is no such job.
    MachineError
        If pyspark is not installed.
    """
    if job not in JOBS:
        raise BadArgumentError(f"no Spark job '{job}'; known: {', '.join(JOBS)}")
    utc = "-Duser.timezone=UTC"
    java = f"{JAVA[is_long]} {settings.spark_driver_options}"
    logging = f"-Dlog4j2.configurationFile={Path(__file__).parent / 'log4j2.properties'}"
    return Submission(
        name=f"vitrine {job}",
        application=Path(__file__).parent / JOBS[job],
        conf=SQL_CONF
        | {
            "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
            "spark.driver.extraJavaOptions": f"{utc} {logging} {java}",
            "spark.executor.extraJavaOptions": utc,
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            # Nothing is kept between runs, so nothing may appear in the folder it starts in.
            "spark.sql.warehouse.dir": str(settings.home / "staging" / "spark" / "warehouse"),
        },
        driver_memory=settings.spark_driver_memory,
        environment={
            f"{PREFIX}HOME": str(settings.home),
            f"{PREFIX}SOURCE": settings.source,
            f"{PREFIX}LANDING": str(settings.landing),
            "SPARK_HOME": str(spark_home()),
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
            # A worker on another host must find the driver: there the environment names it.
            "SPARK_LOCAL_IP": os.environ.get("SPARK_LOCAL_IP", "127.0.0.1"),
            "TZ": "UTC",
        },
    )


def command(settings: Settings, job: str, interval: Interval) -> list[str]:
    """Return the whole `spark-submit` command with the master of the settings."""
    it = submission(settings, job, is_long=interval.end - interval.start > LONG)
    conf = [part for key, value in it.conf.items() for part in ("--conf", f"{key}={value}")]
    return [
        str(spark_home() / "bin" / "spark-submit"),
        *("--master", settings.spark_master),
        *("--name", it.name),
        *("--driver-memory", it.driver_memory),
        *conf,
        str(it.application),
        *it.arguments(format_instant(interval.start), format_instant(interval.end)),
    ]


def spark_home() -> Path:
    """Return the folder of the Spark that pip installed.

    Raises
    ------
    MachineError
        If there is none.
    """
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise MachineError("pyspark is not installed in this environment; run `make setup`")
    return Path(found.origin).parent
