"""The home folder: prepared for a shop, emptied only where it says that it is a demo's."""

import os
from pathlib import Path

from vitrine import sources
from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.operations.machine import writable
from vitrine.publish import LOCK, remove
from vitrine.settings import PREFIX, Settings, load_settings, store_settings


def prepare(source: str | None, landing: str | None, *, is_demo: bool = False) -> Installation:
    """Make a home for a shop, and keep source, landing and the demo mark in it.

    Raises
    ------
    BadArgumentError
        If the source is unknown, or the home already belongs to another shop.
    MachineError
        If the home cannot be written to.
    """
    settings = chosen_settings(source, landing, is_demo=is_demo)
    _refuse_other_shop(settings)
    writable(settings.home)
    settings.home.mkdir(parents=True, exist_ok=True)
    store_settings(settings)
    return Installation(settings)


def chosen_settings(source: str | None, landing: str | None, *, is_demo: bool) -> Settings:
    """Return the settings that a choice on the command line leads to.

    Raises
    ------
    BadArgumentError
        If the source is unknown: said before anything is made or erased for its sake.
    """
    chosen = {
        f"{PREFIX}SOURCE": source,
        f"{PREFIX}LANDING": str(Path(landing).absolute()) if landing else None,
        f"{PREFIX}IS_DEMO": "true" if is_demo else None,
    }
    given = {name: value for name, value in chosen.items() if value}
    settings = load_settings({**os.environ, **given})
    sources.source(settings.source)
    return settings


def empty(settings: Settings) -> None:
    """Remove everything in a demo's home, except what the demo at work holds it by.

    Raises
    ------
    BadArgumentError
        As `refuse_to_empty` does.
    """
    refuse_to_empty(settings.home)
    for path in _content(settings.home):
        remove(path)


def refuse_to_empty(home: Path) -> None:
    """Make sure that a home is new or a demo's.

    Raises
    ------
    BadArgumentError
        If it is not: it may hold data that nobody can make again.
    """
    if not _content(home):
        return
    if not load_settings({f"{PREFIX}HOME": str(home)}).is_demo:
        raise BadArgumentError(
            f"{home} is not the home of a demo, so it is not emptied;"
            f" choose another folder: {PREFIX}HOME=… make demo, or remove it yourself"
        )


def _content(home: Path) -> list[Path]:
    return [path for path in home.glob("*") if path.name != LOCK]


def _refuse_other_shop(settings: Settings) -> None:
    source, kept = settings.source, load_settings({f"{PREFIX}HOME": str(settings.home)})
    if (settings.home / "lake").exists() and kept.source != source:
        raise BadArgumentError(
            f"{settings.home} already holds the shop {kept.source};"
            f" give {source} a home of its own: {PREFIX}HOME=… vitrine init --source {source}"
        )
