"""Fixtures that every test may use: an empty home, and the real data where it is present."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from vitrine.paths import Paths
from vitrine.settings import PREFIX, Settings, load_settings

REPOSITORY = Path(__file__).parent.parent
REAL_DATA = REPOSITORY.parent / "shared" / "data"

# No test asserts a time: a busy machine is no failure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the processes that `make test` starts begin with what takes longest."""
    if hasattr(config, "workerinput"):
        from tests import by_folder

        items.sort(key=lambda item: by_folder.place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each of these processes whole folders."""
    from tests.by_folder import ByFolder

    config.option.loadscopereorder = False
    return ByFolder(config, log)


@pytest.fixture(scope="session", autouse=True)
def java_in_a_hurry() -> Iterator[None]:
    """Let every Java compile quickly, not well: none here lives long enough to gain by more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
        yield


@pytest.fixture(scope="session", autouse=True)
def settings_outside() -> dict[str, str]:
    """The settings that the tests were started with."""
    return _given_settings()


@pytest.fixture(scope="module", autouse=True)
def settings_left_alone(settings_outside) -> Iterator[None]:
    """Fail where a module lets settings of its own stand: later tests would work on its home."""
    yield
    assert _given_settings() == settings_outside


def _given_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty home with an empty landing folder."""
    landing = tmp_path / "landing"
    landing.mkdir()
    return load_settings({"VITRINE_HOME": str(tmp_path / "home"), "VITRINE_LANDING": str(landing)})


@pytest.fixture
def paths(settings: Settings) -> Paths:
    """Paths of that home."""
    return Paths.of(settings)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the repository; skips where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA}")
    return REAL_DATA
