"""The whole chain on a small simulated shop: killed half-way and run again, it ends the same."""

import hashlib
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

VITRINE = Path(sys.executable).with_name("vitrine")
HISTORY = ["--start", "2026-03-16", "--end", "2026-04-08"]
NIGHT = ["--as-of", "2026-04-08T03:30:00Z"]


def build(database: str) -> list[list[str]]:
    """The commands that build, check and publish one warehouse."""
    layers = ("staging", "intermediate", "features", "marts")
    return [
        *(["build", database, "--layer", layer, *HISTORY] for layer in layers),
        ["check", "features", "--database", database, *HISTORY],
        ["publish", database, *HISTORY],
    ]


CHAIN = [
    ["simulate", "--customers", "150", *HISTORY],
    ["land", *HISTORY],
    ["check", "landed", *HISTORY],
    ["spark", "days", *HISTORY],
    ["spark", "campaign-windows", *HISTORY],
    ["check", "deltas", *HISTORY],
    *build("daily"),
    *build("intraday"),
    ["train", "classifier", *NIGHT],
    ["train", "examples", *NIGHT],
    ["check", "examples", *NIGHT],
    ["train", "ranker", *NIGHT],
    ["score", *NIGHT],
    ["lists", "build", *NIGHT],
    ["check", "lists", *NIGHT],
    ["lists", "publish", *NIGHT],
]

# Checks and short reads change nothing that a reader sees; killing them would only cost time.
NOT_KILLED = [["check", "landed"], ["check", "deltas"], ["check", "features"]]
NOT_KILLED += [["check", "examples"], ["check", "lists"]]


def environment(home: Path) -> dict[str, str]:
    return os.environ | {"VITRINE_HOME": str(home), "VITRINE_SOURCE": "flash_sale"}


def run(home: Path, command: list[str]) -> float:
    """Run one command to its end; return the seconds it took."""
    begun = time.monotonic()
    done = subprocess.run(
        [VITRINE, *command], env=environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"vitrine {' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return time.monotonic() - begun


def kill_midway(home: Path, command: list[str], after_s: float) -> None:
    """Start one command in its own process group and kill the group."""
    process = subprocess.Popen(
        [VITRINE, *command],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()


def content(file: Path) -> str:
    """Hash a published file; a manifest without the version number that the registry gave.

    A training run that is killed after it registered a version leaves that version behind, so the
    next one has a higher number. Its weights, and so the lists, are the same.
    """
    data = file.read_bytes()
    if file.name == "manifest.json":
        data = re.sub(rb'"version": "?[0-9]+"?', b"", data)
    return hashlib.sha256(data).hexdigest()


def fingerprint(home: Path) -> dict[str, str]:
    """Hash what readers can see: lake, deltas, warehouse tables, and the lists."""
    found = {
        str(file.relative_to(home)): hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in ("lake", "deltas", "quarantine", "books")
        for file in sorted((home / folder).rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }
    for database in ("daily", "intraday"):
        with duckdb.connect(str(home / "warehouse" / f"{database}.duckdb"), read_only=True) as c:
            tables = c.execute(
                "select table_schema, table_name from information_schema.tables"
                " where table_type = 'BASE TABLE' order by all"
            ).fetchall()
            for schema, table in tables:
                rows = c.execute(f'select * from "{schema}"."{table}" order by all').fetchall()
                digest = hashlib.sha256(repr(rows).encode()).hexdigest()
                found[f"{database}.{schema}.{table}"] = digest
    for night in (home / "lists").iterdir():
        current = (night / "current").resolve(strict=True)
        for file in sorted(current.rglob("*")):
            if file.is_file():
                found[f"{night.name}/{file.relative_to(current)}"] = content(file)
    return found


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_chain_that_is_killed_again_and_again_ends_like_one_that_was_not(tmp_path):
    dice = random.Random(20260408)
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    for command in CHAIN:
        seconds = run(straight, command)
        if command[:2] not in NOT_KILLED:
            kill_midway(killed, command, seconds * dice.uniform(0.2, 0.95))
        run(killed, command)
    expected, found = fingerprint(straight), fingerprint(killed)
    assert len(expected) > 100
    assert {k for k in expected | found if expected.get(k) != found.get(k)} == set()
