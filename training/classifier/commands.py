"""`vitrine train classifier` and `vitrine classify`; what they do stands in the other modules."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import click

from vitrine.options import as_of_option, refuse_unwritable

NOTED = ("accuracy", "majority/accuracy", "macro_f1", "majority/macro_f1", "image_only/accuracy")
"""Metrics that the run log keeps."""


@click.command()
@as_of_option
@click.option(
    "--preset", type=click.Choice(["cpu", "resnet50"]), default="cpu", help="Size of the network."
)
@click.option(
    "--pretrained",
    default="",
    metavar="FOLDER_OR_NAME",
    help="A transformers ResNet, kept as safetensors, for the preset resnet50.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the preset's number.")
def classifier(as_of: datetime, preset: str, pretrained: str, epochs: int | None) -> None:
    """Train, evaluate and register the product classifier.

    vitrine train classifier --as-of 2026-03-01
    """
    from vitrine.installation import Installation
    from vitrine.sources import require

    installation = Installation.load()
    require(installation.shop, "train classifier", "products", "product_images")

    from dataclasses import replace

    from training.classifier.config import preset_of
    from training.classifier.training import train
    from vitrine.interval import DAY, Interval
    from vitrine.runlog import record
    from vitrine.transform import operations

    config = preset_of(preset, pretrained)
    config = config if epochs is None else replace(config, epochs=epochs)
    with record(installation.paths, "train classifier", Interval(as_of - DAY, as_of)) as run:
        report = train(installation.settings, installation.paths, as_of, config)
        run.note(
            version=report.version.version,
            is_champion=report.is_champion,
            images_refused=report.refused_images.total(),
            **{name.replace("/", "_"): round(report.metrics[name], 4) for name in NOTED},
        )
    operations.bring_up_to_date(installation)
    for line in report.lines():
        click.echo(line)


@click.command()
@click.option("--images", required=True, type=click.Path(path_type=Path), help="Folder of images.")
@click.option("--products", required=True, type=click.Path(path_type=Path), help="CSV file.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Parquet to write.")
def classify(images: Path, products: Path, out: Path) -> None:
    """Label products from images and text with the champion: the top 3 a task.

    vitrine classify --images photos --products products.csv --out predictions.parquet

    The CSV has a column product_id (or id), and name (or productDisplayName) and description where
    there are any. Photographs are called ID.jpg, ID_view.jpg or ID-view.jpg; png and webp work too.
    """
    from training.classifier.intake import read_products

    refuse_unwritable(out)
    rows, refused_rows = read_products(products, images)

    from training.classifier.labelling import Decoder, label_in_batches, write
    from training.classifier.serving import champion
    from vitrine.installation import Installation

    installation = Installation.load()
    version, model = champion(installation.settings, installation.paths)
    decoder = Decoder(model.config.image_size)
    row_count = write(label_in_batches(model, rows, decoder), out)
    for path, reason in list(decoder.refused.items())[:10]:
        click.echo(f"{path.name}: {reason}", err=True)
    click.echo(
        f"{len(rows):,} products, {row_count:,} predictions by classifier version"
        f" {version.version} -> {out}"
    )
    click.echo(
        f"refused: {refused_rows} rows without an id or repeated, {_counted(decoder.reasons())};"
        f" without a photograph: {sum(not product.images for product in rows)} products"
    )


def _counted(reasons: Counter[str]) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"{reasons.total()} images" + (f" ({listed})" if listed else "")
