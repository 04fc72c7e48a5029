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
    os.environ["VITRINE_TRAINING_QUEUE"] = "accelerated"
    # What a test writes there can be run by Airflow; the DAGs themselves are read by their path.
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(home / "dags")
    (home / "dags").mkdir()
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
