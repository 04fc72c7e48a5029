"""A real Airflow database and the DAGs as its processor reads them."""

import os
from pathlib import Path

import pytest

from vitrine.interval import Interval
from vitrine.operations import airflow
from vitrine.settings import load_settings

REPOSITORY = Path(__file__).parent.parent.parent
STRETCH = Interval.parse("2026-03-01", "2026-03-02")


@pytest.fixture(scope="session")
def airflow_home(tmp_path_factory):
    """Set this process up as one of Airflow's own, before Airflow is imported."""
    home = tmp_path_factory.mktemp("home")
    settings = load_settings({"VITRINE_HOME": str(home)})
    before = dict(os.environ)
    os.environ.update(airflow.environment(settings))
    os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
    from airflow.utils.db import initdb

    initdb()
    yield home
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def dag_bag(airflow_home):
    """Everything that lies in dags/, read by Airflow."""
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(REPOSITORY / "dags"))
