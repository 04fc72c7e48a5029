"""Figures as Markdown: tables of them, and the files that keep a page beside its figures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a titled table."""
    lines = [f"## {title}", "", _row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def keep(folder: Path, name: str, text: str, figures: Mapping[str, Any]) -> None:
    """Keep a page and its figures as `<name>.md` and `<name>.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text)
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
