"""python -m benchmarks.features [--scale 0.01] [--only history …] [--keep FOLDER]

What it costs to keep a large retailer's features up to date, beside plain DuckDB and plain Polars
that answer the same questions from the same raw files. `make bench-features` runs all phases at
full size. A phase whose figures were measured with this code and these settings is not run again
unless `--only` names it. The exit code is 1 when an answer is not the same; that an aim was missed
is printed.
"""

import json
import math
import re
import shutil
import sys
import time
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from benchmarks import comparison, edition, markdown, measure, reading, report
from benchmarks.cluster import standalone
from benchmarks.question import ANSWERS, Question
from benchmarks.vitrine_answers import copy_answer
from vitrine import deltas, warehouse
from vitrine.errors import VitrineError
from vitrine.interval import DAY, EPOCH, QUARTER_HOUR, Interval, parse_instant
from vitrine.operations.schedule import interval_options
from vitrine.paths import Paths, interval_stamp
from vitrine.publish import atomic_file
from vitrine.runlog import read_runs
from vitrine.settings import load_settings
from vitrine.simulator.retailer.shop import LEAST_CUSTOMERS

FOUNDED = parse_instant("2024-09-01")
HISTORY = Interval(FOUNDED, FOUNDED + 730 * DAY)
NEXT_DAY = Interval(HISTORY.end, HISTORY.end + DAY)
DAYS_BETWEEN = Interval(NEXT_DAY.end, NEXT_DAY.end + 2 * DAY)
MORNING = Interval(DAYS_BETWEEN.end, DAYS_BETWEEN.end + timedelta(hours=22))
"""Until midnight in Paris on a Friday: by then the day holds a million events."""
QUARTER = Interval(MORNING.end, MORNING.end + QUARTER_HOUR)
LAST_MONTH = Interval(HISTORY.end - 30 * DAY, HISTORY.end)
FULL_CUSTOMERS = 1_370_000
LEAST_SCALE = math.ceil(LEAST_CUSTOMERS / FULL_CUSTOMERS * 1e5) / 1e5
"""The simulated retailer has a least number of customers."""
FULL_HOURS = 1.0
"""How long all phases take at full size on two cores, roughly."""
SETTINGS = {
    "VITRINE_SPARK_MASTER": "local[2]",
    "VITRINE_SPARK_DRIVER_MEMORY": "3g",
    "VITRINE_DUCKDB_MEMORY_LIMIT": "4GB",
    "VITRINE_DUCKDB_THREADS": "2",
    "VITRINE_INTRADAY_HISTORY_DAYS": "120",
}
PEERS = ("duckdb", "polars")
PHASES = ("simulate", "history", "day", "quarter", "spark", "cluster")


@dataclass(frozen=True)
class Bench:
    """A folder with a shop, a home and answers; figures of finished phases lie in `figures`."""

    root: Path
    scale: float

    @property
    def landing(self) -> Path:
        """The shop's raw files."""
        return self.root / "landing"

    @property
    def home(self) -> Path:
        """Vitrine's home."""
        return self.root / "home"

    @property
    def figures(self) -> Path:
        """The figures of the phases that have been run."""
        return self.root / "figures.json"

    def read(self) -> dict[str, Any]:
        """Return the figures by phase."""
        return json.loads(self.figures.read_text()) if self.figures.exists() else {}

    @cached_property
    def edition(self) -> str:
        """What code and settings are measured, as they are when the first phase begins."""
        return edition.digest(SETTINGS, self.scale)

    def note(self, phase: str, figures: dict[str, Any]) -> None:
        """Keep a phase's figures, and which code they are of."""
        figures = {"edition": self.edition} | figures
        with atomic_file(self.figures) as path:
            path.write_text(json.dumps(self.read() | {phase: figures}, indent=1) + "\n")

    def outdated(self) -> list[str]:
        """List the phases that have no figures, or figures of other code or settings."""
        known, now = self.read(), self.edition
        return [phase for phase in PHASES if known.get(phase, {}).get("edition") != now]

    def vitrine(
        self, words: str, home: Path | None = None, settings: dict[str, str] | None = None
    ) -> measure.Cost:
        """Run and measure a `vitrine` command."""
        home = home or self.home
        environment = SETTINGS | {
            "VITRINE_HOME": str(home),
            "VITRINE_LANDING": str(self.landing),
            "VITRINE_SOURCE": "flash_sale",
        }
        log = self.root / "logs" / f"{'-'.join(words.split()[:2])}.log"
        command = [str(Path(sys.executable).with_name("vitrine")), *words.split()]
        return measure.run(command, environment | (settings or {}), log)

    def question(self, phase: str, asked: Interval) -> Question:
        """Ask about receipts in an interval, from raw files; for `deltas` from the lake."""
        days = load_settings(SETTINGS | {"VITRINE_HOME": str(self.home)}).intraday_history_days
        windows_from = deltas.history_start("intraday", asked.end, days)
        is_lake = phase == "deltas"
        root = self.home / "lake" if is_lake else self.landing
        return Question(phase, "lake" if is_lake else "raw", root, asked, windows_from)


def _of_a_retailer(context: click.Context, option: click.Parameter, scale: float) -> float:
    if not scale >= LEAST_SCALE:
        raise click.BadParameter(
            f"{scale:g} of the full size is fewer than the {LEAST_CUSTOMERS:,} customers that the"
            f" simulated retailer needs; give {LEAST_SCALE} to 1"
        )
    return scale


@click.command()
@click.option(
    "--scale",
    type=click.FloatRange(max=1),
    callback=_of_a_retailer,
    default=1.0,
    show_default=True,
    help=f"Size of the shop: 1 is 1,370,000 customers and 31.8 million order lines; {LEAST_SCALE}"
    f" is the least, {LEAST_CUSTOMERS:,} customers.",
)
@click.option(
    "--keep",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where shop, home and figures lie and stay; .vitrine-bench/<scale> by default.",
)
@click.option("--only", multiple=True, type=click.Choice(PHASES), help="Run these phases alone.")
@click.option("--table", is_flag=True, help="Print the table of the kept figures; run nothing.")
def main(scale: float, folder: Path | None, only: tuple[str, ...], table: bool) -> None:
    """Measure the phases that have no figures of this code yet; print and keep the table of all.

    The exit code is 1 if an answer is not the same as a peer's.
    """
    bench = Bench((folder or Path(".vitrine-bench") / f"{scale:g}").absolute(), scale)
    bench.root.mkdir(parents=True, exist_ok=True)
    click.echo(
        f"a shop of {scale:g} of the full size, about {FULL_HOURS * scale + 0.2:.1f} h and"
        f" {8 * scale + 0.5:.1f} GB on two cores, in {bench.root}"
    )
    for phase in () if table else only or bench.outdated():
        click.echo(f"{phase} …")
        try:
            bench.note(phase, _PHASES[phase](bench))
        except VitrineError as error:
            raise click.ClickException(f"{phase}: {error}") from None
    figures, outdated = bench.read(), bench.outdated()
    settings = edition.departures(SETTINGS)
    text = report.table(figures, bench.scale, measure.machine(), settings, outdated)
    click.echo(text)
    if not table:
        results = Path(__file__).parent / "results"
        markdown.keep(results, f"features-{bench.scale:g}", text, figures)
    if wrong := report.different(figures):
        click.echo(f"not the same: {', '.join(wrong)}", err=True)
        sys.exit(1)


def _simulate(bench: Bench) -> dict[str, Any]:
    customers = round(FULL_CUSTOMERS * bench.scale)
    new = f"--shop retailer --customers {customers}"
    cost = bench.vitrine(f"simulate {interval_options(HISTORY)} {new}")
    bench.vitrine(f"simulate {interval_options(Interval(NEXT_DAY.start, DAYS_BETWEEN.end))}")
    quarters = Interval(MORNING.start, QUARTER.end)
    bench.vitrine(f"simulate {interval_options(quarters)} --every 15min")
    rows = _rows(bench, ("simulate",), HISTORY.start, "events", "orders")
    return {"vitrine": cost.as_dict(), "rows": sum(rows.values()), "customers": customers, **rows}


def _history(bench: Bench) -> dict[str, Any]:
    shutil.rmtree(bench.home, ignore_errors=True)  # a load begins with an empty home
    return _phase(bench, "history", "history_load", HISTORY)


def _day(bench: Bench) -> dict[str, Any]:
    return _phase(bench, "day", "daily_features", NEXT_DAY)


def _quarter(bench: Bench) -> dict[str, Any]:
    # What came before the quarter is there when it comes; that is not measured.
    for before in (NEXT_DAY, DAYS_BETWEEN, MORNING):
        if _published_end(bench) < before.end:
            bench.vitrine(f"run campaign_performance {interval_options(before)}")
    figures = _phase(bench, "quarter", "campaign_performance", QUARTER)
    today = bench.question("quarter", Interval(MORNING.start, QUARTER.end))
    return figures | {"events_of_the_day": _least(today, ("events",))["rows"]}


def _phase(bench: Bench, phase: str, dag: str, interval: Interval) -> dict[str, Any]:
    """Run a DAG's stages and both peers for an interval, and compare their answers."""
    known = {run["started_at"] for run in read_runs(_paths(bench))}
    cost = bench.vitrine(f"run {dag} {interval_options(interval)}")
    runs = [run for run in read_runs(_paths(bench)) if run["started_at"] not in known]
    question = bench.question(phase, interval)
    answers = bench.root / "answers" / phase
    copy_answer(_paths(bench), question, answers / "vitrine")
    return {
        "vitrine": cost.as_dict(),
        "stages": reading.stages(runs, _paths(bench)),
        "least": _least(question),
        **_peers(bench, question, answers),
    }


def _peers(bench: Bench, question: Question, answers: Path) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for peer in PEERS:
        click.echo(f"  {peer} …")
        try:
            figures[peer] = _ask(bench, peer, question, answers / peer).as_dict()
        except VitrineError as error:
            # A peer that the machine is too small for is a figure too.
            figures[peer] = {"failed": reason(str(error))}
            continue
        found = comparison.compare(answers / "vitrine", answers / peer, ANSWERS[question.phase])
        figures[peer]["same"] = [str(difference) for difference in found]
        figures[peer]["is_same"] = all(difference.is_none for difference in found)
    return figures


def reason(told: str) -> str:
    """Return the line of a program's last words that names its error, and no paths of files."""
    lines = [line for line in told.splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (named or lines)[-1]


def _ask(bench: Bench, peer: str, question: Question, out: Path) -> measure.Cost:
    ends = (question.asked.start, question.asked.end, question.windows_from)
    words = [question.phase, question.source, str(question.root), *map(datetime.isoformat, ends)]
    command = [sys.executable, "-m", f"benchmarks.{peer}_peer", *words, str(out)]
    log = bench.root / "logs" / f"{question.phase}-{peer}.log"
    return measure.run(command, {"POLARS_MAX_THREADS": "2"}, log)


def _spark(bench: Bench) -> dict[str, Any]:
    """Compare Spark's part of the history with the peers, all from the lake's files."""
    question = bench.question("deltas", HISTORY)
    answers = bench.root / "answers" / "deltas"
    days = bench.vitrine(f"spark days {interval_options(HISTORY)}")
    windows = bench.vitrine(f"spark campaign-windows {interval_options(HISTORY)}")
    copy_answer(_paths(bench), question, answers / "vitrine")
    return {
        "vitrine": {name: _together(name, days, windows) for name in days.as_dict()},
        **_peers(bench, question, answers),
    }


def _together(name: str, *costs: measure.Cost) -> float:
    values = [cost.as_dict()[name] for cost in costs]
    return max(values) if name.startswith("peak") else sum(values)


def _cluster(bench: Bench) -> dict[str, Any]:
    """Run one job on two cores in one process and on two workers; compare the files' bytes."""
    costs, contents = {}, {}
    with standalone(bench.root / "cluster", memory="1500m") as address:
        for name, master in (("local", "local[2]"), ("cluster", address)):
            home = bench.root / f"home-{name}"
            shutil.rmtree(home, ignore_errors=True)  # of an earlier run, whose files would do too
            home.mkdir()
            (home / "lake").symlink_to(bench.home / "lake")
            words = f"spark days {interval_options(LAST_MONTH)}"
            cost = bench.vitrine(words, home, {"VITRINE_SPARK_MASTER": master})
            costs[name] = cost.as_dict()
            contents[name] = _made(home)
    return {
        **costs,
        "interval": interval_stamp(LAST_MONTH),
        "files": len(contents["local"]),
        "is_same": is_same(contents["local"], contents["cluster"]),
    }


def _made(home: Path) -> dict[str, bytes]:
    """Return the bytes of each day's delta files."""
    files = sorted((home / "deltas").glob("*/ds=2*/*.parquet"))
    return {str(file.relative_to(home)): file.read_bytes() for file in files}


def is_same(ours: dict[str, bytes], theirs: dict[str, bytes]) -> bool:
    """Say whether two runs left the same files; two that left none prove nothing."""
    return bool(ours) and ours == theirs


def _published_end(bench: Bench) -> datetime:
    with warehouse.connect(_paths(bench), ("intraday",)) as connection:
        query = "select epoch_us(data_end_at) from intraday.features.build_info"
        ((micros,),) = connection.execute(query).fetchall()
    return EPOCH + timedelta(microseconds=micros)


def _least(question: Question, tables: tuple[str, ...] = ()) -> dict[str, float]:
    """Count what must be read at least: the interval's raw files, and the time to unpack them."""
    begun, packed, rows = time.monotonic(), 0, 0
    every = sorted(path.name for path in question.root.iterdir() if path.is_dir())
    for table in tables or every:
        for file in (question.root / table).glob("[0-9]*.csv.gz"):
            start, _, end = file.name.removesuffix(".csv.gz").partition("-")
            if question.asked.covers(Interval.parse(start, end)):
                packed += file.stat().st_size
                text = zlib.decompress(file.read_bytes(), wbits=31)
                rows += text.count(b"\n") - 1
    return {"rows": rows, "bytes": packed, "seconds": round(time.monotonic() - begun, 1)}


def _rows(bench: Bench, stages: tuple[str, ...], start: datetime, *names: str) -> dict[str, int]:
    runs = [run for run in read_runs(_paths(bench)) if run["stage"] in stages]
    first = next(r for r in runs if parse_instant(r["interval_start_at"]) == start)
    return {name: first["figures"][name] for name in names}


def _paths(bench: Bench) -> Paths:
    return Paths(landing=bench.landing, home=bench.home)


_PHASES = {
    "simulate": _simulate,
    "history": _history,
    "day": _day,
    "quarter": _quarter,
    "spark": _spark,
    "cluster": _cluster,
}

if __name__ == "__main__":
    main()
