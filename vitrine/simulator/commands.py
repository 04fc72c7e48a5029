"""`vitrine simulate --start S --end E [--shop KIND] [--customers N] [--every STEP] [--lists]`."""

import click

from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options


@click.command()
@interval_options
@click.option(
    "--shop",
    "kind",
    type=click.Choice(["flash_sale", "retailer"]),
    help="What a new shop is: brand campaigns that come and go (the default), or permanent goods.",
)
@click.option(
    "--customers",
    type=click.IntRange(min=6, max=10_000_000),
    help="Size of a new shop (2,000 by default, 13,700 for a retailer); an existing one keeps its"
    " own.",
)
@click.option(
    "--every",
    type=click.Choice(["day", "15min", "interval"]),
    default="day",
    show_default=True,
    help="How often the shop delivers; interval: once for each UTC day's part.",
)
@click.option(
    "--lists",
    "is_mailed_by_lists",
    is_flag=True,
    help="From START on mail exactly what the published lists say, and no newsletter; a shop that"
    " began so goes on so.",
)
def simulate(
    interval: Interval,
    kind: str | None,
    customers: int | None,
    every: str,
    is_mailed_by_lists: bool,
) -> None:
    """Write what a shop delivers from START to END to the landing folder.

    The first call founds the shop on START's day; later calls continue it. The same arguments give
    the same bytes, with --lists as long as the same lists are published. A retailer of 1,370,000
    customers has 105,000 products and 31.8 million order lines in 730 days.
    """
    from vitrine.contracts import TABLES
    from vitrine.runlog import record
    from vitrine.simulator.shop import RETAILER

    installation = Installation.load()
    paths, settings = installation.paths, installation.settings
    if settings.source != "flash_sale":
        raise BadArgumentError(
            f"this home belongs to the shop {settings.source}; simulate into another one,"
            " with VITRINE_HOME=… or VITRINE_SOURCE=flash_sale"
        )
    is_retailer = _kind(installation, kind) == RETAILER
    if is_retailer and is_mailed_by_lists:
        raise BadArgumentError("nobody answers a retailer's mail; --lists is for flash_sale")
    with record(paths, "simulate", interval) as run:
        figures, count = (
            _retailer(installation, interval, customers, every)
            if is_retailer
            else _flash_sale(installation, interval, customers, every, is_mailed_by_lists)
        )
        run.note(customer_count=count, **figures)
        run.note(rows_out=sum(n for name, n in figures.items() if name in TABLES))
    click.echo(
        f"{count:,} customers, {figures['events']:,} events, {figures['orders']:,} order lines,"
        f" {figures['campaigns']:,} campaigns, {figures['images']:,} images"
        f" in {figures['files']:,} files ({figures['bytes'] / 1e6:.1f} MB) -> {paths.landing}"
    )


def _kind(installation: Installation, asked: str | None) -> str:
    """Return the kind of shop to simulate: that of the landing folder, if one writes there."""
    from vitrine.simulator.shop import FLASH_SALE, kind_of_shop, shop_file

    landing = installation.paths.landing
    there = kind_of_shop(landing)
    if there and asked and there != asked:
        raise BadArgumentError(
            f"{shop_file(landing)} is a shop of the kind {there}, not {asked};"
            " leave --shop away, or simulate into an empty landing folder"
        )
    return there or asked or FLASH_SALE


def _flash_sale(
    installation: Installation,
    interval: Interval,
    customers: int | None,
    every: str,
    is_mailed_by_lists: bool,
) -> tuple[dict[str, int], int]:
    from vitrine import letters
    from vitrine.simulator.founding import found
    from vitrine.simulator.writing import STEPS, write_interval

    paths, seed = installation.paths, installation.settings.seed
    lists = paths.lists if is_mailed_by_lists else None
    shop = found(paths.landing, interval, seed, customers, lists)
    is_mailed = shop.lists_since is not None
    days = (interval.end.date() - shop.founded_on).days + 1
    with click.progressbar(length=days, label="simulating", item_show_func=str) as bar:
        summary = write_interval(
            shop,
            paths.landing,
            paths.truth,
            interval,
            STEPS[every],
            lambda day: bar.update(1, day),
            letters.read(paths.lists, shop.lists_since) if is_mailed else None,
        )
    figures = {"files": summary.file_count, "bytes": summary.byte_count}
    return {**summary.rows, **figures, "images": summary.picture_count}, shop.customer_count


def _retailer(
    installation: Installation, interval: Interval, customers: int | None, every: str
) -> tuple[dict[str, int], int]:
    from vitrine.simulator.retailer.founding import found
    from vitrine.simulator.retailer.writing import usable_processes, write_interval
    from vitrine.simulator.writing import STEPS

    landing, seed = installation.paths.landing, installation.settings.seed
    shop = found(landing, interval, seed, customers)
    with click.progressbar(
        length=len(interval.days()), label="simulating", item_show_func=str
    ) as bar:
        summary = write_interval(
            shop,
            landing,
            interval,
            STEPS[every],
            lambda day: bar.update(1, day),
            usable_processes(),
        )
    figures = {"files": summary.file_count, "bytes": summary.byte_count, "images": 0}
    return {**summary.rows, **figures}, shop.customer_count
