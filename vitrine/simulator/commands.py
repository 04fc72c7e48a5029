"""`vitrine simulate --start S --end E [--customers N] [--every day|15min|interval]`."""

import click

from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options


@click.command()
@interval_options
@click.option(
    "--customers",
    type=click.IntRange(min=6, max=10_000_000),
    help="Size of a new shop (2,000 by default); an existing one keeps its own.",
)
@click.option(
    "--every",
    type=click.Choice(["day", "15min", "interval"]),
    default="day",
    show_default=True,
    help="How often the shop delivers; interval: once for each UTC day's part.",
)
def simulate(interval: Interval, customers: int | None, every: str) -> None:
    """Write what a flash-sale shop delivers from START to END to the landing folder.

    The first call founds the shop on START's day; later calls continue it. The same arguments give
    the same bytes.
    """
    from vitrine.runlog import record
    from vitrine.simulator.founding import found
    from vitrine.simulator.writing import STEPS, write_interval

    installation = Installation.load()
    paths, settings = installation.paths, installation.settings
    if settings.source != "flash_sale":
        raise BadArgumentError(
            f"this home belongs to the shop {settings.source}; simulate into another one,"
            " with VITRINE_HOME=… or VITRINE_SOURCE=flash_sale"
        )
    with record(paths, "simulate", interval) as run:
        shop = found(paths.landing, interval, settings.seed, customers)
        days = (interval.end.date() - shop.founded_on).days + 1
        with click.progressbar(length=days, label="simulating", item_show_func=str) as bar:
            summary = write_interval(
                shop,
                paths.landing,
                paths.truth,
                interval,
                STEPS[every],
                lambda day: bar.update(1, day),
            )
        run.note(customer_count=shop.customer_count, files=summary.file_count, **summary.rows)
        run.note(rows_out=sum(summary.rows.values()))
    click.echo(
        f"{shop.customer_count:,} customers, {summary.rows['events']:,} events,"
        f" {summary.rows['orders']:,} order lines, {summary.rows['campaigns']:,} campaigns,"
        f" {summary.picture_count:,} images in {summary.file_count:,} files"
        f" ({summary.byte_count / 1e6:.1f} MB) -> {paths.landing}"
    )
