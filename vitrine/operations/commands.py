"""vitrine demo|up|down|status|run|backfill|doctor|init|labels: run the house, and look after it."""

import click

from vitrine.errors import MachineError, StageSkipped
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.operations.chain import CHAINS
from vitrine.options import interval_options


@click.command()
@click.option("--source", help="The shop's format: a module of vitrine.sources.")
@click.option("--landing", type=click.Path(exists=True, file_okay=False), help="Its raw files.")
def init(source: str | None, landing: str | None) -> None:
    """Prepare a home for a shop, and remember source and landing folder there."""
    from vitrine.operations.homes import prepare

    installation = prepare(source, landing)
    settings = installation.settings
    click.echo(f"{settings.home} is ready for {settings.source}, landing at {settings.landing}")


@click.command()
@click.option("--ports/--no-ports", default=True, help="Whether servers are to be started.")
def doctor(ports: bool) -> None:
    """Check what this machine has and what is needed."""
    from vitrine.operations.machine import findings

    found = list(findings(Installation.load().settings, with_ports=ports))
    for is_fine, text in found:
        click.echo(f"{'ok     ' if is_fine else 'LACKING'} {text}")
    if not all(is_fine for is_fine, _ in found):
        raise MachineError("this machine is not ready; the lines above say what to type")


@click.command()
def up() -> None:
    """Start Airflow and MLflow on the loopback, schedules on."""
    from vitrine.operations import local_stack
    from vitrine.operations.airflow import DAGS, Airflow
    from vitrine.operations.machine import require_machine

    installation = Installation.load()
    if local_stack.is_running(installation):
        click.echo("already running")
    else:
        local_stack.stop(installation)  # whatever is left of an earlier start
        require_machine(installation.settings)
        click.echo("starting Airflow and MLflow …")
        local_stack.start(installation)
        for dag in DAGS:
            Airflow.of(installation.settings).set_paused(dag, is_paused=False)
    click.echo(local_stack.welcome(installation))


@click.command()
def down() -> None:
    """Stop what `up` started."""
    from vitrine.operations import local_stack

    names = local_stack.stop(Installation.load())
    click.echo(f"stopped {', '.join(names)}" if names else "nothing was running")


@click.command()
@click.option("--source", help="The shop's format; flash_sale is simulated.")
@click.option("--landing", type=click.Path(exists=True, file_okay=False), help="Its raw files.")
@click.option("--fresh", is_flag=True, help="Erase the demo that the home holds, and begin anew.")
def demo(source: str | None, landing: str | None, fresh: bool) -> None:
    """Run the whole pipeline on a shop through Airflow, from an empty home.

    Where the home holds a demo already, or one that was interrupted, it says so and stops;
    --fresh erases that one.
    """
    from vitrine.operations.demo import run

    run(source, landing, is_fresh=fresh)


@click.command()
@click.option("--costs", is_flag=True, help="Show what each stage costs and its trend instead.")
def status(costs: bool) -> None:
    """Show what is published, how old it is, the last runs, and what is broken."""
    from vitrine.operations.costs import table
    from vitrine.operations.status import report
    from vitrine.runlog import RECENT_MONTHS, read_runs

    installation = Installation.load()
    runs = read_runs(installation.paths, RECENT_MONTHS) if costs else []
    click.echo(table(runs) if costs else report(installation))


@click.command()
@click.argument("dag")
@interval_options
def backfill(dag: str, interval: Interval) -> None:
    """Run DAG for each of its intervals in a stretch, then verify that the partitions exist."""
    from vitrine.operations.backfill import run

    run(Installation.load(), dag, interval)


@click.command()
@click.argument("dag", type=click.Choice(list(CHAINS)))
@interval_options
def run(dag: str, interval: Interval) -> None:
    """Run the stages of DAG for an interval, without Airflow.

    vitrine run daily_features --start 2026-03-01 --end 2026-03-02

    It stops at the first stage that fails; mend what its line names, and type the same again.
    """
    from vitrine.cli import vitrine
    from vitrine.operations import chain

    def call(line: str) -> None:
        vitrine.main(line.split(), prog_name="vitrine", standalone_mode=False)

    chain.run(dag, interval, call, click.echo)


@click.command()
@interval_options
def labels(interval: Interval) -> None:
    """Count the products of an interval that a classifier can learn from; 99 if none."""
    from vitrine.operations.labels import labelled_products

    count = labelled_products(Installation.load(), interval)
    if not count:
        raise StageSkipped(f"labels skipped: no labelled product with images came in {interval}")
    click.echo(f"{count} labelled products with images came in {interval}")
