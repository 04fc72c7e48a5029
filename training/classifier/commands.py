"""`vitrine train classifier` and `vitrine classify`; what they do stands in the other modules."""

from collections import Counter
from datetime import datetime
from pathlib import Path

import click

from vitrine.errors import BadArgumentError
from vitrine.options import as_of_option, refuse_unwritable

NOTED = ("accuracy", "majority/accuracy", "macro_f1", "majority/macro_f1", "image_only/accuracy")
"""Metrics that the run log keeps."""
SUFFIXES = (".csv", ".parquet")
"""Of what `vitrine classify` writes."""


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
@click.option(
    "--text-encoder",
    default="",
    metavar="FOLDER_OR_NAME",
    help="A transformers sentence encoder, kept as safetensors, to read texts; it is not trained.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the preset's number.")
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a setting, such as task_weighting=uncertainty; may be repeated.",
)
@click.option(
    "--task-weight",
    "weights",
    multiple=True,
    type=(str, click.FloatRange(min=0)),
    metavar="TASK NUMBER",
    help="Let a task count so many times as much as the others; may be repeated.",
)
def classifier(
    as_of: datetime,
    preset: str,
    pretrained: str,
    text_encoder: str,
    epochs: int | None,
    settings: tuple[str, ...],
    weights: tuple[tuple[str, float], ...],
) -> None:
    """Train, evaluate and register the product classifier.

    vitrine train classifier --as-of 2026-03-01

    Settings stand with their meaning in training/classifier/config.py.
    """
    from vitrine.installation import Installation
    from vitrine.sources import require

    installation = Installation.load()
    require(installation.shop, "train classifier", "products", "product_images")

    from dataclasses import replace

    from training.assignments import changed
    from training.classifier.config import preset_of
    from training.classifier.training import train
    from vitrine.interval import DAY, Interval
    from vitrine.runlog import record
    from vitrine.transform import operations

    config = replace(preset_of(preset, pretrained), text_pretrained=text_encoder)
    config = config if epochs is None else replace(config, epochs=epochs, fewest_steps=0)
    config = replace(changed(config, settings), task_weights=weights)
    with record(installation.paths, "train classifier", Interval(as_of - DAY, as_of)) as run:
        report = train(installation.settings, installation.paths, as_of, config, say_aside)
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
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="File: .csv or .parquet."
)
@click.option("--wide", is_flag=True, help="One row a product: its answers, a column a task.")
def classify(images: Path, products: Path, out: Path, wide: bool) -> None:
    """Label products from images and text with the champion; where it is not sure, it says so.

    vitrine classify --images photos --products products.csv --out predictions.parquet

    The CSV has a column product_id (or id), and name (or productDisplayName), description and
    composition where there are any. Photographs are called ID.jpg, ID_view.jpg or ID-view.jpg; png
    and webp work too.

    The file gets the three likeliest labels a task, with their probabilities. The verdict of each
    says whether it is an answer (95 in 100 are right) or a person must be asked.
    """
    from training.classifier.intake import read_products

    _refuse_out(out, products, images)
    intake = read_products(products, images)

    from training.classifier import labelling
    from training.classifier.serving import champion
    from vitrine.installation import Installation

    installation = Installation.load()
    version, model = champion(installation.settings, installation.paths)
    decoder = labelling.Decoder(model.config.image_size)
    answered: Counter[str] = Counter()
    pieces = labelling.counted(
        labelling.label_in_batches(model, intake.products, decoder), answered
    )
    schema = labelling.SCHEMA
    if wide:
        schema = labelling.wide_schema(model.tasks)
        pieces = (labelling.wide(piece, model.tasks) for piece in pieces)
    row_count = labelling.write(pieces, out, schema)
    for path, reason in list(decoder.refused.items())[:10]:
        click.echo(f"{path.name}: {reason}", err=True)
    read = ", ".join(intake.text_columns) or "no column: there is no name, description, composition"
    click.echo(
        f"{len(intake.products):,} products, {row_count:,} rows by classifier version"
        f" {version.version} -> {out}"
    )
    click.echo(f"text from {read}")
    click.echo(
        f"refused: {intake.refused_row_count} rows without an id or repeated,"
        f" {_counted(decoder.reasons())}; without a photograph:"
        f" {sum(not product.images for product in intake.products)} products"
    )
    click.echo("answered, for the rest a person must be asked:")
    for line in labelling.summary(model, answered, len(intake.products)):
        click.echo(line)


def say_aside(line: str) -> None:
    """Write progress where it does not mix with what the command answers."""
    click.echo(line, err=True)


def _refuse_out(out: Path, products: Path, images: Path) -> None:
    if out.suffix.lower() not in SUFFIXES:
        raise BadArgumentError(f"--out {out}: only {' and '.join(SUFFIXES)} files are written")
    if out.resolve() == products.resolve():
        raise BadArgumentError(f"--out {out} is the file of --products: name another")
    if out.resolve().is_relative_to(images.resolve()):
        raise BadArgumentError(f"--out {out} lies within --images {images}: name another folder")
    refuse_unwritable(out)


def _counted(reasons: Counter[str]) -> str:
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    return f"{reasons.total()} images" + (f" ({listed})" if listed else "")
