"""The tasks that DAGs are made of: a `vitrine` command, or a Spark job through its connection."""

import shlex
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Context, CronTriggerTimetable, TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from vitrine.errors import StageSkipped
from vitrine.installation import Installation

SKIPPED = 99
FIRST_DAY = datetime(2010, 1, 1)  # noqa: DTZ001 - Airflow reads it in its own zone, UTC

DEFAULTS: dict[str, Any] = {
    "owner": "data-engineering",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "execution_timeout": timedelta(hours=1),
    # A stage that its shop has no tables for skips itself, by name and reason; the stages after it
    # decide for themselves, and only a failure stops the line.
    "trigger_rule": TriggerRule.NONE_FAILED,
}


def by_clock(cron: str) -> CronTriggerTimetable | None:
    """Return the schedule in UTC, or none where the installation has its clock switched off."""
    settings = Installation.load().settings
    return CronTriggerTimetable(cron, timezone="UTC") if settings.clock_schedules else None


class CommandOperator(BashOperator):
    """Run `vitrine <command>`; exit code 99 shows the task as skipped.

    Each asset among the `outlets` gets an event that carries `extra`, templates rendered.
    """

    template_fields = (*BashOperator.template_fields, "extra")

    def __init__(self, *, command: str, extra: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(
            bash_command=f"vitrine {command}", skip_on_exit_code=SKIPPED, do_xcom_push=False, **kwargs
        )
        self.extra = extra or {}

    def execute(self, context: Context) -> None:
        """Run the command, then describe the assets it made."""
        super().execute(context)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = self.extra


class SparkJobOperator(SparkSubmitOperator):
    """Submit one job of `spark_jobs` for an interval; the connection decides the cluster.

    The conf, the file and the tables that it needs are those of `vitrine spark <job>`.
    """

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        raise NotImplementedError
