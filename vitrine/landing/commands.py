"""`vitrine land` and `vitrine compact`, each with `--start S --end E`."""

from collections import Counter

import click

from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.options import interval_options

FEW_DROPS = 20


@click.command()
@interval_options
def land(interval: Interval) -> None:
    """Turn the raw files received in an interval into lake tables and quarantined rows.

    Rows in are rows accepted plus rows quarantined; `books/` holds the counts of each drop.
    """
    from vitrine import runlog
    from vitrine.landing.land import land as land_interval

    installation = Installation.load()
    shop, settings, paths = installation.shop, installation.settings, installation.paths
    totals: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with runlog.record(paths, "land", interval) as run:
        for books in land_interval(shop, settings, paths, interval, _progress):
            totals["drops" if books.files else "empty"] += 1
            totals["rows_in"] += books.row_count
            totals["rows_accepted"] += books.accepted_count
            totals["rows_out"] += sum(books.tables.values())
            reasons += books.quarantined
        run.note(
            rows_in=totals["rows_in"],
            rows_out=totals["rows_out"],
            rows_accepted=totals["rows_accepted"],
            rows_quarantined=reasons.total(),
            drops=totals["drops"],
        )
    _report(interval, totals, reasons)


@click.command()
@interval_options
def compact(interval: Interval) -> None:
    """Merge the quarters of an hour of finished days into one file per table and day.

    vitrine compact --start 2026-03-01 --end 2026-03-02

    So it does with the week before, where a day is in pieces again. Landing a quarter of such a
    day again cuts it into its quarters first, and replaces just that.
    """
    from vitrine import runlog
    from vitrine.compaction import compact as compact_interval

    paths = Installation.load().paths
    with runlog.record(paths, "compact", interval) as run:
        merged = list(compact_interval(paths, interval))
        file_count = sum(each.file_count for each in merged)
        run.note(files_in=file_count, files_out=len(merged))
    days = len({each.interval for each in merged})
    click.echo(f"compacted {interval}: {file_count:,} files of {days} days became {len(merged):,}")


def _progress(done: int, total: int) -> None:
    """Say so at each tenth of a long landing."""
    if total > FEW_DROPS and done * 10 // total > (done - 1) * 10 // total:
        click.echo(f"landed {done} of {total} drops")


def _report(interval: Interval, totals: Counter[str], reasons: Counter[str]) -> None:
    click.echo(
        f"landed {totals['drops']} drops of {interval} ({totals['empty']} pieces without any):"
        f" {totals['rows_in']:,} rows in, {totals['rows_accepted']:,} accepted,"
        f" {reasons.total():,} quarantined"
    )
    for reason, count in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        click.echo(f"  {count:>9,}  {reason}")
