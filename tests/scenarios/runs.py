"""Commands that run to their end, commands that are killed half-way, and what they leave behind."""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

VITRINE = Path(sys.executable).with_name("vitrine")
START, END = "2026-03-09", "2026-04-08"
MONTH = ["--start", START, "--end", END]
"""Thirty days; on one of them the clocks change."""
OF_THE_RUN = ("input_digests", "interval_start_at")
LAYERS = ("staging", "intermediate", "features", "marts")


def build(database: str, interval: list[str]) -> list[list[str]]:
    """The commands that build and publish one warehouse: the daily one layer by layer."""
    whole = ["build", database, *interval]
    layers = [["build", database, "--layer", layer, *interval] for layer in LAYERS]
    return [*(layers if database == "daily" else [whole]), ["publish", database, *interval]]


SIMULATE = ["simulate", "--customers", "120", *MONTH]
SPARK = [["spark", "days"], ["spark", "campaign-windows"]]
_IN_TURN = """
import json, sys
from vitrine.cli import vitrine
for command in json.loads(sys.argv[1]):
    vitrine(command, standalone_mode=False)
"""


def run(home: Path, command: list[str]) -> float:
    """Run one command to its end; return the seconds it took."""
    begun = time.monotonic()
    done = subprocess.run(
        [VITRINE, *command], env=_environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"vitrine {' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return time.monotonic() - begun


def run_in_turn(home: Path, commands: list[list[str]]) -> None:
    """Run commands one after the other in one process: to start takes longer than a day's land."""
    done = subprocess.run(
        [sys.executable, "-c", _IN_TURN, json.dumps(commands)],
        env=_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def kill_midway(home: Path, command: list[str], after_s: float) -> bool:
    """Start one command in its own process group and kill the group; False if it had ended."""
    process = subprocess.Popen(
        [VITRINE, *command],
        env=_environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        ended = process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait() == -signal.SIGKILL
    assert ended == 0, f"vitrine {' '.join(command)} ended with {ended}"
    return False


def run_killed(
    home: Path, command: list[str], usual_s: float, dice: random.Random
) -> list[tuple[float, bool]]:
    """Kill a command at any point of the time it usually takes, then run it again.

    One that ends before its kill is begun anew and killed sooner, until a kill meets it. Return
    each try: after how many seconds, and whether it was killed.
    """
    after_s = usual_s * dice.uniform(0.2, 0.95)
    tried = [(after_s, kill_midway(home, command, after_s))]
    while not tried[-1][1]:
        after_s /= 2
        tried.append((after_s, kill_midway(home, command, after_s)))
    run(home, command)
    return tried


def data(home: Path) -> dict[str, str]:
    """Hash what was landed, counted and published: files by bytes, tables and views by content."""
    found = {
        str(file.relative_to(home)): hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in ("lake", "deltas", "quarantine", "books")
        for file in sorted((home / folder).rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }
    for database in ("daily", "intraday"):
        with duckdb.connect() as c:
            # Views name their tables by the name of the database, which a version's file has not.
            file = home / "warehouse" / f"{database}.duckdb"
            c.execute(f"attach '{file}' as {database} (read_only)")
            c.execute(f"use {database}")
            relations = c.execute(
                "select table_schema, table_name from information_schema.tables"
                f" where table_catalog = '{database}' order by all"
            ).fetchall()
            for schema, table in relations:
                # When the files were written, and where a build began, is no fact about the shop.
                facts = f"columns(lambda name: name not in {OF_THE_RUN})"
                rows = c.execute(
                    f'select {facts} from "{schema}"."{table}" order by all'
                ).fetchall()
                digest = hashlib.sha256(repr(rows).encode()).hexdigest()
                found[f"{database}.{schema}.{table}"] = digest
    return found


def lists(home: Path) -> dict[str, str]:
    """Hash the published e-mail lists."""
    found = {}
    for night in (home / "lists").glob("*/*"):
        current = (night / "current").resolve(strict=True)
        for file in sorted(current.rglob("*")):
            if file.is_file():
                found[f"{night.parent.name}/{night.name}/{file.relative_to(current)}"] = _content(
                    file
                )
    return found


def holders(home: Path, text: str) -> set[str]:
    """Name the files that hold a text, but for the raw ones, which the shop wrote itself.

    Parquet files and databases are looked into: their pages are compressed.
    """
    files = (file for file in home.rglob("*") if file.is_file() and not file.is_symlink())
    ours = (file for file in files if not file.is_relative_to(home / "landing"))
    return {file.relative_to(home).as_posix() for file in ours if text.encode() in _readable(file)}


def _readable(file: Path) -> bytes:
    if file.suffix == ".duckdb":
        with duckdb.connect(str(file), read_only=True) as c:
            tables = c.execute(
                "select schema_name, table_name from duckdb_tables() where not internal"
            ).fetchall()
            rows = (c.execute(f'from "{schema}"."{name}"').fetchall() for schema, name in tables)
            return "".join(map(repr, rows)).encode()
    if file.suffix == ".parquet":
        return repr(pq.ParquetFile(file).read().to_pylist()).encode()
    return file.read_bytes()


def differing(expected: dict[str, str], found: dict[str, str]) -> set[str]:
    """Name what is not the same in both."""
    return {k for k in expected | found if expected.get(k) != found.get(k)}


def _content(file: Path) -> str:
    """Hash a published file; a manifest without the version number that the registry gave.

    A training run that is killed after it registered a version leaves that version behind, so the
    next one has a higher number. Its weights, and so the lists, are the same; the digest of all
    that they are made of, `state`, is not.
    """
    text = file.read_bytes()
    if file.name == "manifest.json":
        text = re.sub(rb'"version": "?[0-9]+"?|"state": "[0-9a-f]+"', b"", text)
    return hashlib.sha256(text).hexdigest()


def _environment(home: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    return others | {"VITRINE_HOME": str(home), "VITRINE_SOURCE": "flash_sale"}
