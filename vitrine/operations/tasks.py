"""The tasks that DAGs are made of: a `vitrine` command, or a Spark job through its connection.

Only DAG files import this module, since it needs Airflow.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Asset, AssetOrTimeSchedule, Context, CronTriggerTimetable, TriggerRule
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from pydantic import JsonValue

from vitrine.errors import StageSkipped
from vitrine.settings import load_settings

SKIPPED = StageSkipped.exit_code
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
    """Return a schedule in UTC, or none where DAGs do not start by the clock."""
    settings = load_settings()
    is_on = not settings.is_demo if settings.clock_schedules is None else settings.clock_schedules
    return CronTriggerTimetable(cron, timezone="UTC") if is_on else None


def by_clock_or(cron: str, asset: Asset) -> AssetOrTimeSchedule | list[Asset]:
    """Return a schedule that starts by the clock and on an asset's events."""
    clock = by_clock(cron)
    return AssetOrTimeSchedule(timetable=clock, assets=[asset]) if clock else [asset]


class CommandOperator(BashOperator):
    """Run `vitrine <command>`; exit code 99 shows the task as skipped.

    The task is skipped, too, if the template `when` gives anything but `True`. Each asset among the
    `outlets` gets an event that carries `extra`, templates rendered.
    """

    template_fields = (*BashOperator.template_fields, "extra", "when")

    def __init__(
        self,
        *,
        command: str,
        when: str = "True",
        extra: Mapping[str, JsonValue] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            bash_command=f"vitrine {command}",
            skip_on_exit_code=SKIPPED,
            **{"do_xcom_push": False} | kwargs,
        )
        self.when = when
        self.extra = dict(extra or {})

    def execute(self, context: Context) -> Any:
        """Run the command, then describe the assets it made; return what is to be pushed."""
        if self.when != "True":
            raise AirflowSkipException("a backfill builds and publishes once, in its last run")
        said = super().execute(context)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = self.extra
        return said


class ListOperator(CommandOperator):
    """Make one of the policy's lists: build it, let the gate look at it, publish it.

    One task, since the next list may not be built before this one is out: of the stock, and of the
    letters that the caps allow, it takes what is left.
    """

    def __init__(self, *, list_name: str, as_of: str, **kwargs: Any) -> None:
        steps = ("lists build", "check lists", "lists publish")
        named = f"--list {list_name} --as-of {as_of}"
        super().__init__(command=" && vitrine ".join(f"{s} {named}" for s in steps), **kwargs)
        self.list_name = list_name


class Submission(Protocol):
    """What `spark_jobs.submission` says of a job; its own docstrings tell more."""

    @property
    def name(self) -> str:
        """Name of the job."""
        ...

    @property
    def application(self) -> Path:
        """File of the job."""
        ...

    @property
    def conf(self) -> dict[str, str]:
        """Spark's properties."""
        ...

    @property
    def driver_memory(self) -> str:
        """Memory of the driver."""
        ...

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the driver."""
        ...

    def arguments(self, start: str, end: str) -> list[str]:
        """Return the arguments of the job itself."""
        ...


class SparkJobOperator(SparkSubmitOperator):
    """Submit one job of `spark_jobs` for the run's interval; the connection decides the cluster.

    File, configuration and arguments are those of `vitrine spark <job>`; so is exit code 99.
    """

    def __init__(self, *, submission: Submission, **kwargs: Any) -> None:
        super().__init__(
            conn_id="spark_default",
            name=submission.name,
            application=str(submission.application),
            application_args=submission.arguments("{{ start(dag_run) }}", "{{ end(dag_run) }}"),
            conf=submission.conf,
            driver_memory=submission.driver_memory,
            env_vars=submission.environment,
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Submit the job and wait for it."""
        self._hook = self._get_hook()
        try:
            self._hook.submit(self.application)
        except AirflowException:
            # The hook tells the exit code in the text of its exception only.
            submitted = self._hook._submit_sp
            if submitted is not None and submitted.returncode == SKIPPED:
                raise AirflowSkipException("the shop lacks what this job needs") from None
            raise
