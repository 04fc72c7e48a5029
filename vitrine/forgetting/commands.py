"""`vitrine forget CUSTOMER`."""

from collections.abc import Iterator

import click

from vitrine.installation import Installation
from vitrine.interval import DAY, floor, format_instant, parse_instant


@click.command()
@click.argument("customer")
def forget(customer: str) -> None:
    """Erase one customer from all that Vitrine holds, and certify it.

    vitrine forget U0000549

    Raw files, lake, features, lists, examples, scores, logs and warehouses are searched file by
    file; landing refuses the customer's rows from then on. Other people's rows stay as they are.
    A delivery or a publication that is running ends first, and none begins meanwhile.
    Typed again it completes what was interrupted, or finds nothing to do.
    """
    from vitrine.forgetting.erasure import Erasure

    erasure = Erasure(Installation.load(), customer, tell=click.echo)
    certificate = erasure.run()
    if not erasure.has_begun_here:
        click.echo(f"nothing is left of this customer; certificate: {certificate.file}")
        return
    click.echo(
        f"forgotten: {certificate.removed_count:,} rows and texts of {certificate.files_changed:,}"
        f" files; {certificate.searched_count:,} files searched again, nothing found"
    )
    for place, erased in certificate.places.items():
        click.echo(f"  {erased.removed_count:>9,}  {place}")
    click.echo(f"certificate: {certificate.file}")
    for line in _counting_again(certificate.received):
        click.echo(line)


def _counting_again(received: tuple[str, ...]) -> Iterator[str]:
    """Say how to count again what still counts the customer; of today what has come so far."""
    if not received:
        return
    start, end = (parse_instant(instant) for instant in received)
    first, today = floor(start, DAY), floor(end, DAY)
    yield "sums of products and campaigns still count the customer, without a name; to count again:"
    if first < today:
        yield f"  vitrine spark days --start {first.date()} --end {today.date()}"
    yield (
        f"  vitrine spark campaign-windows --start {format_instant(start)}"
        f" --end {format_instant(end)}"
    )
