"""`vitrine build`, `vitrine publish`, `vitrine docs` and `vitrine sql`."""

from pathlib import Path

import click

from vitrine import runlog
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options
from vitrine.sources import require
from vitrine.warehouse import DATABASES

LAYERS = ("staging", "intermediate", "features", "marts")


@click.command()
@click.argument("database", type=click.Choice(DATABASES))
@click.option("--layer", type=click.Choice(LAYERS), help="Models to build; all by default.")
@interval_options
def build(database: str, layer: str | None, interval: Interval) -> None:
    """Build a warehouse with dbt, or one layer of it, in a private file.

    vitrine build daily --start 2026-03-01 --end 2026-03-02

    It goes on from the newest published version that ends by the interval's start, if nothing
    that version was built from has changed, and begins anew otherwise.
    """
    from vitrine.transform import coverage, dbt

    installation = Installation.load()
    what = f"{database} {layer}" if layer else database
    with runlog.record(installation.paths, f"build {what}", interval) as run:
        _require_facts(installation, database)
        if layer in (None, LAYERS[0]):
            coverage.require_whole(installation, database, interval.end)
        outcome, increment = dbt.build_layers(installation, database, interval, layer)
        run.note(model_count=outcome.model_count, test_count=outcome.test_count)
        run.note(warning_count=len(outcome.warnings), begins=increment.reason)
        if layer in (None, LAYERS[0]):
            run.note(rows_in=increment.row_count())
        run.note(rows_out=_row_count(installation.paths.build_file(database, interval), layer))
    click.echo(
        f"{what}: {outcome.model_count} models built, {outcome.test_count} tests"
        f" run in {outcome.elapsed_s:.1f} s; {increment.reason}"
    )
    for warning in outcome.warnings:
        click.echo(f"warning: {warning} failed; {outcome.log} says on which rows")


@click.command()
@click.argument("database", type=click.Choice(DATABASES))
@click.option("--force", is_flag=True, help="Publish data older than what is published.")
@interval_options
def publish(database: str, force: bool, interval: Interval) -> None:
    """Make a built warehouse visible to readers, in one step.

    vitrine publish daily --start 2026-03-01 --end 2026-03-02
    """
    from vitrine.transform import operations, publication

    installation = Installation.load()
    with runlog.record(installation.paths, f"publish {database}", interval) as run:
        _require_facts(installation, database)
        file = publication.publish_build(installation, database, interval, force=force)
        run.note(bytes=file.stat().st_size)
    click.echo(f"{database} published: {file} ({file.stat().st_size / 1e6:.1f} MB)")
    operations.bring_up_to_date(installation)


def _row_count(file: Path, layer: str | None) -> int:
    """Count the rows that the tables of a layer, or of all, hold after a build."""
    import duckdb

    layers = [layer] if layer else list(LAYERS)
    with duckdb.connect(str(file), read_only=True) as connection:
        ((count,),) = connection.execute(
            "select coalesce(sum(estimated_size), 0) from duckdb_tables() where schema_name in ?",
            [layers],
        ).fetchall()
    return int(count)


def _require_facts(installation: Installation, database: str) -> None:
    # The daily warehouse describes a catalogue that nobody bought from yet; windows need sales.
    if database == "intraday":
        require(installation.shop, "the intraday warehouse", "orders")


@click.command()
def docs() -> None:
    """Generate the data dictionary, and dbt's pages about the published warehouse.

    vitrine docs
    """
    from vitrine.transform import documentation

    click.echo(f"data dictionary: {documentation.write_data_dictionary()}")
    click.echo(f"dbt pages: {documentation.write_pages(Installation.load())}")


class _QueryCommand(click.Command):
    """A command whose argument may begin with an SQL comment, which looks like an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; no option holds white space, and a query does."""
        said = [f" {arg}" if arg.startswith("--") and len(arg.split()) > 1 else arg for arg in args]
        return super().parse_args(ctx, said)


@click.command(cls=_QueryCommand)
@click.argument("query", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values, all rows.")
def sql(query: str | None, as_csv: bool) -> None:
    r"""Query the published warehouse read-only; without a query, ask for one after another.

    vitrine sql "select segment, count(*) from dim_customers group by segment"

    \d lists the tables and functions, \d NAME describes one. A row that is too wide for the
    terminal takes a line per column. docs/queries.md has eleven worked queries.
    """
    from vitrine.transform import console

    paths = Installation.load().paths
    with console.open_warehouse(paths) as connection:
        if query is None:
            console.prompt(connection)
        else:
            console.show(connection, query, as_csv)
