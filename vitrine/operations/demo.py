"""The demo: a shop from an empty home to tonight's lists, run by Airflow from first to last.

The script says only what a person would: load this history, compute this day, these windows. What
follows from them (training, lists) is started by the assets that they make.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import click

from vitrine.errors import BadArgumentError, MachineError, VitrineError
from vitrine.installation import Installation
from vitrine.interval import DAY, QUARTER_HOUR, Interval, format_instant
from vitrine.operations import airflow, costs, homes, local_stack, servers
from vitrine.operations.airflow import Airflow
from vitrine.operations.machine import require_machine, writable
from vitrine.operations.progress import Progress
from vitrine.operations.schedule import SEND_DECISION
from vitrine.operations.status import landed_rows, newest_receipt
from vitrine.paths import Paths, stamp
from vitrine.publish import alone
from vitrine.runlog import read_runs
from vitrine.settings import PREFIX, load_settings
from vitrine.sources import Source

CUSTOMERS = 2000
ASSET_PATIENCE_S = 30.0
"""How long an asset's event may take to start the runs that wait for it."""
FINISHED = "demo_finished"
"""An empty file in the home: the demo there ran to its end."""
STARTED_BY_ASSETS = {
    "train_classifier": "labelled products of daily_features",
    "train_ranker": "daily_features",
    "nightly_email_lists": "daily_features and train_ranker",
}
"""What each of these DAGs waits for."""
Runs = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Plan:
    """The instants of one shop's demo: history, one day, and the windows around its end.

    The first of `windows` comes before the daily run and closes the gap behind the history, as a
    shop's first evening would; the others come after it.
    """

    history: Interval
    day: Interval
    windows: tuple[Interval, ...]

    @property
    def night(self) -> datetime:
        """The instant that the lists are made for."""
        return self.day.end + SEND_DECISION


def plan(shop: Source) -> Plan:
    """Return a shop's plan; the data of `online_retail` is of its own years."""
    start, end = (
        ("2010-12-01", "2011-10-30")
        if shop.name == "online_retail"
        else ("2026-01-30", "2026-03-15")
    )
    history = Interval.parse(start, end)
    day = Interval(history.end, history.end + DAY)
    return Plan(history, day, _windows(shop, day))


def _windows(shop: Source, day: Interval) -> tuple[Interval, ...]:
    if shop.delivery_step == DAY:
        return tuple(Interval(day.start, day.end + 2 * DAY).split(DAY))
    opening = day.end + timedelta(hours=6)  # sales open at 07:00 in Paris
    morning = Interval(opening, opening + 3 * QUARTER_HOUR)
    return (Interval(day.start, opening), *morning.split(QUARTER_HOUR))


def run(source: str | None, landing: str | None, *, is_fresh: bool = False) -> None:
    """Run the demo from an empty home, and print what came of it.

    Raises
    ------
    VitrineError
        As `fresh_home` does; then at the first thing that fails, with the end of its log; the
        servers are stopped first.
    """
    with only_demo(load_settings().home):
        _run(fresh_home(source, landing, is_fresh=is_fresh))


def _run(installation: Installation) -> None:
    begun = time.monotonic()
    its_plan = plan(installation.shop)
    signal.signal(signal.SIGTERM, _stop_cleanly)
    if installation.shop.name == "flash_sale":
        _simulate(installation, its_plan)
    try:
        click.echo("starting Airflow …")
        local_stack.start(installation)
        progress = _run_dags(installation, its_plan)
        skipped = progress.skipped()
    finally:
        local_stack.stop(installation)
    (installation.settings.home / FINISHED).touch()
    _print_outcome(installation, its_plan, skipped)
    click.echo(f"\nThe whole demo took {time.monotonic() - begun:.0f} s.")


@contextmanager
def only_demo(home: Path) -> Iterator[None]:
    """Hold a home, made if need be, while a demo runs in it.

    Raises
    ------
    MachineError
        If another demo runs there: emptying its home would end it half-way. If the home cannot be
        written to.
    """
    writable(home)
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(alone(home, is_patient=False))
        except BlockingIOError:
            raise MachineError(
                f"a demo is running in {home}; wait for it, or set VITRINE_HOME to another folder"
            ) from None
        yield


def fresh_home(source: str | None, landing: str | None, *, is_fresh: bool) -> Installation:
    """Prepare an empty home; what a demo landed there is erased only if `is_fresh`.

    Raises
    ------
    BadArgumentError
        If the source is unknown, the home is not a demo's, or it holds one's data and `is_fresh`
        is not given.
    MachineError
        If servers run in that home, or the machine lacks anything.
    """
    settings = homes.chosen_settings(source, landing, is_demo=True)
    homes.refuse_to_empty(settings.home)
    if not is_fresh:
        _refuse_held(settings.home)
    _refuse_served(settings.home, Paths.of(settings))
    # Tasks outlive servers that were killed, and nobody finds them once the home is empty.
    local_stack.stop(Installation(settings))
    require_machine(settings)
    homes.empty(settings)
    return homes.prepare(source, landing, is_demo=True)


def _refuse_held(home: Path) -> None:
    its_own = Installation(load_settings({f"{PREFIX}HOME": str(home)}))
    newest = newest_receipt(its_own)
    if newest is None:
        return
    is_whole = (home / FINISHED).exists()
    onward = "`make up` lets you look at it" if is_whole else _continuation(plan(its_own.shop))
    raise BadArgumentError(
        f"{home} holds {'a' if is_whole else 'an interrupted'} demo of {its_own.shop.name}, with"
        f" data received up to {format_instant(newest)}; {onward},"
        " `make demo FRESH=1` (`vitrine demo --fresh`) erases it and runs from the beginning,"
        f" {PREFIX}HOME=… make demo leaves it and takes another folder"
    )


def _continuation(its_plan: Plan) -> str:
    """Say how to go on: what is done already gives the same again."""
    start, end = format_instant(its_plan.history.start), format_instant(its_plan.day.end)
    return (
        f"`make up`, then `vitrine backfill history_load --start {start} --end {end}` goes on with"
        " it, and assets start training and lists"
    )


def _refuse_served(home: Path, paths: Paths) -> None:
    if running := servers.running(paths.servers):
        raise MachineError(
            f"servers run in {home} ({', '.join(sorted(running))}); type `make down` first"
        )


def _simulate(installation: Installation, its_plan: Plan) -> None:
    start, end = its_plan.history.start, its_plan.day.end
    days = ("--start", format_instant(start), "--end", format_instant(end))
    _vitrine(installation, "simulate", *days, "--customers", str(CUSTOMERS))
    quarters = ("--start", format_instant(end), "--end", format_instant(its_plan.windows[-1].end))
    _vitrine(installation, "simulate", *quarters, "--every", "15min")


def _run_dags(installation: Installation, its_plan: Plan) -> Progress:
    client = Airflow.of(installation.settings)
    click.echo(local_stack.welcome(installation))
    progress = Progress(client, click.echo)
    for dag in ("history_load", "campaign_performance", "daily_features"):
        client.set_paused(dag, is_paused=False)
    _one_run(progress, "history_load", its_plan.history)
    _one_run(progress, "campaign_performance", its_plan.windows[0])
    # From here on assets start what waits for them: training once, on the newest day.
    for dag in STARTED_BY_ASSETS:
        client.set_paused(dag, is_paused=False)
    progress.ahead = STARTED_BY_ASSETS
    _one_run(progress, "daily_features", its_plan.day)
    for window in its_plan.windows[1:]:
        _one_run(progress, "campaign_performance", window)
    for dag, conf in {
        "train_classifier": {"as_of": format_instant(its_plan.day.end)},
        "train_ranker": {"as_of": format_instant(its_plan.day.end)},
        "nightly_email_lists": {"as_of": format_instant(its_plan.night)},
    }.items():
        _await_run(progress, dag, conf)
    return progress


def _one_run(progress: Progress, dag: str, interval: Interval) -> None:
    conf = {"start": format_instant(interval.start), "end": format_instant(interval.end)}
    name = f"demo-{stamp(interval.start)}-{stamp(interval.end)}"
    progress.client.trigger(dag, conf, name)
    progress.follow(dag, name)


def _await_run(progress: Progress, dag: str, conf: dict[str, str]) -> None:
    """Follow the run that assets started; without one, start it, so that it says what it lacks."""
    patience = time.monotonic() + ASSET_PATIENCE_S

    def has_run_or_never_will(runs: Runs) -> bool:
        states = _states(runs, dag)
        is_quiet = all(state == "success" for state in runs.values())
        return states == {"success"} or (not states and is_quiet and time.monotonic() > patience)

    progress.until(has_run_or_never_will, dag)
    if not _states(progress.client.runs(), dag):
        click.echo(f"no asset started {dag}; starting it by hand, so that it says why")
        progress.client.trigger(dag, conf, "demo")
        progress.until(lambda runs: _states(runs, dag) == {"success"}, dag)


def _states(runs: Runs, dag: str) -> set[str]:
    return {state for (its_dag, _), state in runs.items() if its_dag == dag}


def _print_outcome(installation: Installation, its_plan: Plan, skipped: list[str]) -> None:
    paths, settings = installation.paths, installation.settings
    if skipped:
        click.echo("\nSkipped:\n" + "\n".join(f"  {line}" for line in skipped))
    click.echo("\n" + landed_rows(paths))
    click.echo("\n" + costs.table(read_runs(paths)))
    click.echo("\nModels beside their baselines:")
    for stage in ("train ranker", "train classifier"):
        click.echo(costs.comparison(read_runs(paths), stage))
    if any(paths.lists.glob("*/*/current")):
        click.echo("\nTonight's lists, and one customer's e-mail:\n")
        _vitrine(installation, "lists", "show", "--as-of", format_instant(its_plan.night))
    click.echo("\n" + "\n".join(f"{name:<12}{where}" for name, where in _what_is_where(paths)))
    click.echo(
        f"Pages       make up starts Airflow at {airflow.address(settings)} and MLflow at"
        f" http://127.0.0.1:{settings.mlflow_port}; make down stops them"
    )


def _what_is_where(paths: Paths) -> Iterator[tuple[str, str]]:
    """Yield what was published and where it lies."""
    files = [str(file) for file in sorted(paths.warehouse.glob("*.duckdb"))]
    if files:
        yield "Warehouse", ", ".join(files)
        yield "", f"make sql, or any DuckDB {version('duckdb')} client, read-only"
    if any(paths.lists.glob("*/*/current")):
        yield "Lists", str(paths.lists)
        for page in paths.lists.glob("*/*/current/previews/index.html"):
            yield "", f"e-mails to look at: {page}"
    suites = sorted(folder.parent.name for folder in paths.data_docs.glob("*/current"))
    if suites:
        yield "Data docs", f"{paths.data_docs}/<suite>/current/index.html: {', '.join(suites)}"


def _vitrine(installation: Installation, *arguments: str) -> None:
    """Run a command as a person would, with this demo's home.

    Raises
    ------
    VitrineError
        If it fails; what went wrong was printed by the command itself.
    """
    environment = {**os.environ, **airflow.installation_environment(installation.settings)}
    binary = str(Path(sys.executable).with_name("vitrine"))
    done = subprocess.run([binary, *arguments], env=environment, check=False)
    if done.returncode:
        raise VitrineError(f"vitrine {' '.join(arguments)} failed; see the lines above")


def _stop_cleanly(number: int, frame: FrameType | None) -> None:
    """Leave by the same way as Ctrl-C does, so that the servers are stopped."""
    raise KeyboardInterrupt
