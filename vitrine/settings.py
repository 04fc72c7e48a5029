"""One frozen settings object, read once from the environment and the home folder.

A value comes from, in this order: `VITRINE_<NAME>` in the environment, `settings.json` in the home
folder (written by `vitrine init`), the default below. Unknown names are refused.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vitrine.errors import BadArgumentError

PREFIX = "VITRINE_"
REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseModel):
    """Everything that differs from one installation to another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path = Field(description="The folder that Vitrine writes to.")
    source: str = Field("flash_sale", description="The shop's format: a module of vitrine.sources.")
    landing: Path = Field(description="The folder that the shop's raw files arrive in.")
    is_demo: bool = Field(False, description="Whether `make demo` may empty this home.")
    seed: int = Field(7, description="Seed of every random choice.")
    intraday_delay_minutes: int = Field(
        5,
        ge=0,
        description="From the end of a 15-minute window to the readability of its features.",
    )
    late_after_hours: int = Field(
        24,
        ge=1,
        description="A fact received later than this after it occurred is quarantined, unless it is"
        " an e-mail event.",
    )
    landing_processes: int = Field(
        0,
        ge=0,
        description="How many processes land a long interval; 0: as many as there are cores, four"
        " at most, since each holds one drop in memory.",
    )
    permanent_campaign_days: int = Field(
        28,
        ge=1,
        description="A campaign without an end is on sale until this long after its last sale.",
    )
    intraday_history_days: int = Field(
        400,
        ge=29,
        description="The intraday warehouse holds at least the windows received in the last so many"
        " days: whole months. Each publication copies them: a large shop takes fewer.",
    )
    duckdb_memory_limit: str = Field(
        "4GB", description="What DuckDB may take while it builds; it spills to disk beyond that."
    )
    duckdb_threads: int = Field(0, ge=0, description="0: as many as there are cores.")
    keep_versions: int = Field(3, ge=1, description="How many published versions are kept.")
    list_policy: str = Field(
        "", description="File of the e-mail lists' rules; empty: list_policy.yaml in the home."
    )
    mlflow_tracking_uri: str = Field("", description="Empty: SQLite under the home folder.")
    spark_master: str = Field(
        "local[*]", description="Used outside Airflow; inside, the connection decides."
    )
    spark_driver_memory: str = Field("2g", description="Memory of the Spark driver.")
    spark_driver_options: str = Field(
        "", description="Further Java options of the driver; the last of two that differ holds."
    )
    spark_shuffle_partitions: int = Field(4, ge=1, description="Twice the cores is a good start.")
    promotion_weeks: int = Field(
        3, ge=1, description="A challenger meets the champion on the last so many weeks."
    )
    ranking_budget_ms: float = Field(
        50.0,
        gt=0,
        description="How long a champion may take to rank 250 campaigns for a customer.",
    )
    torch_device: str = Field(
        "auto", description="auto, cpu or cuda; auto takes a GPU where there is one."
    )
    training_queue: str = Field(
        "default",
        description="Celery queue of training and embedding; gpu where a GPU worker listens.",
    )
    torch_threads: int = Field(0, ge=0, description="0: as many as there are physical cores.")
    clock_schedules: bool | None = Field(
        None,
        description="Whether DAGs start by the clock; unset: yes, except in a demo's home, whose"
        " days lie in the past.",
    )
    airflow_port: int = Field(8080, description="Port of the Airflow pages, on the loopback.")
    mlflow_port: int = Field(5000, description="Port of the MLflow pages, on the loopback.")


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    environment
        Names and values, `os.environ` by default.

    Raises
    ------
    BadArgumentError
        For an unknown name or a value of the wrong type.
    """
    environment = os.environ if environment is None else environment
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != ""
    }
    home = Path(given.get("home", REPOSITORY / ".vitrine")).expanduser().absolute()
    values: dict[str, Any] = _stored(home) | given | {"home": home}
    source = values.get("source", Settings.model_fields["source"].default)
    landing = Path(values.get("landing", home / "landing" / source)).expanduser().absolute()
    try:
        return Settings(**(values | {"landing": landing}))
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0])
        is_unknown = problem["type"] == "extra_forbidden"
        reason = "there is no such setting" if is_unknown else problem["msg"]
        raise BadArgumentError(
            f"{PREFIX}{name.upper()}={values.get(name)!r}: {reason};"
            f" known settings: {', '.join(sorted(Settings.model_fields))}"
        ) from None


def store_settings(settings: Settings) -> None:
    """Keep the source, its landing folder and the demo mark in the home for later commands."""
    from vitrine.publish import atomic_file

    kept = settings.model_dump(mode="json", include={"source", "landing", "is_demo"})
    with atomic_file(_stored_path(settings.home)) as path:
        path.write_text(json.dumps(kept, indent=2) + "\n")


def _stored(home: Path) -> dict[str, Any]:
    path = _stored_path(home)
    return json.loads(path.read_text()) if path.exists() else {}


def _stored_path(home: Path) -> Path:
    return home / "settings.json"
