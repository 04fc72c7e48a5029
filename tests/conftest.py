"""Fixtures that every test may use: an empty home, and the real data where it is present."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vitrine.paths import Paths
from vitrine.settings import Settings, load_settings

REPOSITORY = Path(__file__).parent.parent
REAL_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def java_in_a_hurry() -> Iterator[None]:
    """Let every Java compile quickly, not well: none here lives long enough to gain by more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
        yield


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
