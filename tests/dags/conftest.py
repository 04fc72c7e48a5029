"""A real Airflow database and the DAGs as its processor reads them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from vitrine.interval import Interval
from vitrine.operations import airflow
from vitrine.settings import load_settings

REPOSITORY = Path(__file__).parent.parent.parent
STRETCH = Interval.parse("2026-03-01", "2026-03-02")


@pytest.fixture(scope="session")
def airflow_environment(tmp_path_factory) -> dict[str, str]:
    """What makes this process one of Airflow's own, whose database is made."""
    home = tmp_path_factory.mktemp("home")
    settings = load_settings({"VITRINE_HOME": str(home)})
    # What a test writes there can be run by Airflow; the DAGs themselves are read by their path.
    own = {
        "VITRINE_TRAINING_QUEUE": "accelerated",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
    }
    environment = airflow.environment(settings) | own
    (home / "dags").mkdir()
    with in_environment(environment):
        from airflow.utils.db import initdb

        initdb()
    return environment


@pytest.fixture(scope="module")
def airflow_home(airflow_environment) -> Iterator[Path]:
    """The home that Airflow runs in, as long as these tests do: others have homes of their own."""
    with in_environment(airflow_environment):
        yield Path(airflow_environment["VITRINE_HOME"])


@contextmanager
def in_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Let this process have another environment."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def dag_bag(airflow_home):
    """Everything that lies in dags/, read by Airflow."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(REPOSITORY / "dags"))
