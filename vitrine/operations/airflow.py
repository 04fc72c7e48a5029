"""Airflow as this project runs it: the environment of its processes, and its REST interface.

The same DAG files run here on SQLite with LocalExecutor, and in production as docker-compose.yml
configures it; both use nothing but environment variables.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from vitrine.errors import MachineError, VitrineError
from vitrine.operations.pools import POOLS
from vitrine.operations.secrets import LOGIN, load_secrets, passwords_file
from vitrine.paths import Paths
from vitrine.settings import PREFIX, REPOSITORY, Settings

DAGS = (
    "history_load",
    "daily_features",
    "campaign_performance",
    "train_classifier",
    "train_ranker",
    "nightly_email_lists",
    "email_delivery",
)
PARALLELISM = 4
TIMEOUT_S = 30
# An answer that breaks off on a busy machine; a server that is not there is told at once.
RETRIES = Retry(connect=0, read=4, backoff_factor=0.5, allowed_methods={"GET", "PATCH"})


def address(settings: Settings) -> str:
    """Return the address of Airflow's pages."""
    return f"http://127.0.0.1:{settings.airflow_port}"


def environment(settings: Settings, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the whole environment of Airflow's processes and the tasks that they start."""
    inherited = os.environ if inherited is None else inherited
    folder = Paths.of(settings).airflow
    return (
        {name: value for name, value in inherited.items() if not name.startswith("AIRFLOW_")}
        | installation_environment(settings)
        | _airflow_settings(settings, folder)
        | _airflow_secrets(folder)
    )


def installation_environment(settings: Settings) -> dict[str, str]:
    """Return what makes a command work on this installation, whatever its caller's own is."""
    # The commands of this environment come first, so that tasks find `vitrine` and `spark-submit`.
    binaries = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join([binaries, os.environ.get("PATH", os.defpath)]),
        f"{PREFIX}HOME": str(settings.home),
        f"{PREFIX}SOURCE": settings.source,
        f"{PREFIX}LANDING": str(settings.landing),
        f"{PREFIX}AIRFLOW_PORT": str(settings.airflow_port),
        f"{PREFIX}MLFLOW_PORT": str(settings.mlflow_port),
    }


def _airflow_settings(settings: Settings, folder: Path) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(PARALLELISM),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "utc",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address(settings)}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(folder)),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(settings.airflow_port),
        "AIRFLOW__API__BASE_URL": address(settings),
        "AIRFLOW__API__WORKERS": "1",
        # Without these, a new or changed DAG file is seen only after two minutes.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(
            {"conn_type": "spark", "host": settings.spark_master}
        ),
    }


def _airflow_secrets(folder: Path) -> dict[str, str]:
    secrets = load_secrets(folder)
    return {
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "AIRFLOW__API__SECRET_KEY": secrets.secret_key,
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
    }


@dataclass(frozen=True)
class TaskState:
    """One task of one run, as Airflow sees it; `seconds` is 0 before it ended."""

    dag: str
    run: str
    task: str
    state: str
    attempt: int
    seconds: float
    pool: str = ""
    map_index: int = -1
    """Which of several tasks of one name, such as one a list; -1: the only one."""
    part: str = ""
    """What that one is called."""

    @property
    def title(self) -> str:
        """Its own name, and which of several."""
        return f"{self.task} {self.part}".rstrip()

    @property
    def name(self) -> str:
        """Its DAG's name and its own."""
        return f"{self.dag}.{self.title}"


@dataclass
class Airflow:
    """Airflow's REST interface, logged in on first use.

    Raises
    ------
    VitrineError
        From each method, where Airflow refuses what it is asked.
    MachineError
        From each method, where nothing answers at the address.
    """

    address: str
    password: str
    login: str = LOGIN
    _headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> "Airflow":
        """Return the client of an installation's own Airflow."""
        return cls(address(settings), load_secrets(Paths.of(settings).airflow).password)

    def is_healthy(self) -> bool:
        """Tell whether database, scheduler and DAG processor are all well."""
        try:
            health = self._call("GET", "/api/v2/monitor/health", log_in=False)
        except VitrineError:
            return False
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all(health[part]["status"] == "healthy" for part in parts)

    def known_dags(self) -> list[str]:
        """List the DAGs that were found and read without an error."""
        found = self._call("GET", "/api/v2/dags?limit=100")["dags"]
        return [dag["dag_id"] for dag in found if not dag["has_import_errors"]]

    def import_errors(self) -> list[str]:
        """List what went wrong when DAG files were read."""
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return [f"{error['filename']}: {error['stack_trace']}" for error in errors]

    def set_paused(self, dag: str, is_paused: bool) -> None:
        """Pause a DAG or let it run; asset events of while it is paused are lost to it."""
        self._call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": is_paused})

    def is_paused(self, dag: str) -> bool:
        """Tell whether a DAG is paused: its runs then stay queued."""
        return bool(self._call("GET", f"/api/v2/dags/{dag}")["is_paused"])

    def make_pools(self) -> None:
        """Make the pools that the DAGs' tasks name, or set them right."""
        known = {pool["name"] for pool in self._call("GET", "/api/v2/pools")["pools"]}
        for name, pool in POOLS.items():
            body = {"name": name} | pool
            if name in known:
                self._call("PATCH", f"/api/v2/pools/{name}", body)
            else:
                self._call("POST", "/api/v2/pools", body)

    def trigger(self, dag: str, conf: dict[str, str], run: str) -> None:
        """Start a run under a given name, without a logical date: `conf` says what to work on."""
        body = {"dag_run_id": run, "logical_date": None, "conf": conf}
        self._call("POST", f"/api/v2/dags/{dag}/dagRuns", body)

    def runs(self, dag: str = "~") -> dict[tuple[str, str], str]:
        """Return the state of each run, newest first, keyed by DAG and run."""
        path = f"/api/v2/dags/{dag}/dagRuns?limit=100&order_by=-run_after"
        found = self._call("GET", path)["dag_runs"]
        return {(run["dag_id"], run["dag_run_id"]): run["state"] for run in found}

    def tasks(self, dag: str, run: str) -> list[TaskState]:
        """List the tasks of a run."""
        path = f"/api/v2/dags/{dag}/dagRuns/{run}/taskInstances?limit=100"
        return [
            TaskState(
                dag=task["dag_id"],
                run=task["dag_run_id"],
                task=task["task_id"],
                state=task["state"] or "waiting",
                attempt=task["try_number"],
                seconds=task["duration"] or 0.0,
                pool=task["pool"],
                map_index=task["map_index"],
                part=task["rendered_map_index"] or "",
            )
            for task in self._call("GET", path)["task_instances"]
        ]

    def log(self, task: TaskState) -> list[str]:
        """Return the lines that a task wrote in its last attempt, oldest first."""
        path = (
            f"/api/v2/dags/{task.dag}/dagRuns/{task.run}/taskInstances/{task.task}"
            f"/logs/{max(task.attempt, 1)}?full_content=true&map_index={task.map_index}"
        )
        content = self._call("GET", path)["content"]
        lines = [line if isinstance(line, str) else str(line.get("event", "")) for line in content]
        return [line for line in lines if line.strip()]

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, log_in: bool = True
    ) -> Any:
        if log_in and not self._headers:
            credentials = {"username": self.login, "password": self.password}
            token = self._call("POST", "/auth/token", credentials, log_in=False)["access_token"]
            self._headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = self._session.request(
                method, self.address + path, json=body, headers=self._headers, timeout=TIMEOUT_S
            )
        except requests.RequestException as error:
            raise MachineError(
                f"Airflow does not answer at {self.address} ({type(error).__name__});"
                " start it with `make up`"
            ) from None
        if not answer.ok:
            raise VitrineError(
                f"Airflow: {method} {path}: {answer.status_code} {answer.text[:300]}"
            )
        return answer.json() if answer.content else None

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # a proxy of the environment has no business on the loopback
        # The server drops idle connections; a call that reuses one in that moment would fail.
        session.headers["Connection"] = "close"
        session.mount("http://", HTTPAdapter(max_retries=RETRIES))
        return session
