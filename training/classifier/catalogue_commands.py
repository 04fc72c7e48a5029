"""`vitrine embed` and `vitrine similar`: what the champion makes of the shop's own catalogue."""

from datetime import datetime
from pathlib import Path

import click

from training.classifier.commands import say_aside
from vitrine.options import as_of_option, refuse_unwritable


@click.command()
@as_of_option
def embed(as_of: datetime) -> None:
    """Publish the embedding and the attributes of every product, by the champion.

    vitrine embed --as-of 2026-03-16

    Only products that are new, or have another text or other photographs than before, go through
    the network; after a change of champion all do. If nothing has changed nothing is published.
    """
    from vitrine.installation import Installation
    from vitrine.interval import DAY, Interval
    from vitrine.runlog import record
    from vitrine.sources import require

    installation = Installation.load()
    with record(installation.paths, "embed", Interval(as_of - DAY, as_of)) as run:
        require(installation.shop, "embed", "products", "product_images")

        from training.classifier import embeddings

        made = embeddings.embed(installation.settings, installation.paths, as_of, say_aside)
        run.note(
            rows_out=made.product_count if made.is_new else 0,
            computed=made.computed_count,
            version=made.version.version,
        )
    click.echo(made.line())


@click.command()
@click.argument("product", metavar="PRODUCT")
@click.option("--count", type=click.IntRange(1, 1000), default=10, help="How many products.")
@click.option(
    "--html", type=click.Path(path_type=Path), help="File: the same as a page of pictures."
)
def similar(product: str, count: int, html: Path | None) -> None:
    """Show the products that are most like one, and the attributes they share.

    vitrine similar P000100007 --count 20 --html similar.html

    Like means near by the classifier's published embeddings: products that read alike, that look
    alike as far as it heeds photographs (a training run says how far), and that the same customers
    buy, also if nobody has bought them yet.
    """
    from training.classifier import similarity, similarity_page
    from vitrine.installation import Installation

    if html is not None:
        refuse_unwritable(html, "--html")
    likeness = similarity.find_similar(Installation.load().paths, product, count)
    for line in similarity.lines(likeness):
        click.echo(line)
    if html is not None:
        similarity_page.write(likeness, html)
        click.echo(f"pictures -> {html}")
