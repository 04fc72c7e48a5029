"""What is published of a catalogue: a unit vector of each product, and its attributes.

Products go through the network piece by piece, and only those that the same version of the model
has not seen as they are now: of the others, what was published before is published again.

N products of a piece, E width of the embedding.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.classifier import attributes, contents, photographs, serving
from training.classifier.batches import Pixels, encode
from training.classifier.catalogue import Product, data_interval, read_catalogue
from training.classifier.contents import Content
from training.classifier.model import ProductClassifier
from training.classifier.prediction import chunks, predict
from training.registry import ModelVersion, Registry
from vitrine import lake
from vitrine.contracts import INSTANT
from vitrine.embeddings import FILE, MANIFEST, RECEIVED, newest_of_models
from vitrine.errors import BadInputError, GateError, NotPublishedError, StageSkipped
from vitrine.interval import Interval, format_instant, parse_instant
from vitrine.paths import Paths, stamp
from vitrine.publish import Agreement, agreed, current_version, new_version
from vitrine.settings import Settings

PIECE = 512
"""Products whose images and predictions are in memory together."""
LENGTH_TOLERANCE = 1e-3
NEVER = datetime.min.replace(tzinfo=UTC)

Say = Callable[[str], object]


def schema(width: int) -> pa.Schema:
    """Return the columns of the published file; `embedding` holds `width` floats of unit length."""
    return pa.schema(
        [
            pa.field("product_id", pa.string(), nullable=False),
            pa.field("model_version", pa.int32(), nullable=False),
            pa.field(RECEIVED, INSTANT, nullable=False),
            pa.field("embedding", pa.list_(pa.float32(), width), nullable=False),
        ]
    )


@dataclass(frozen=True)
class Publication:
    """What is published now, and what it took."""

    folder: Path
    version: ModelVersion
    product_count: int
    computed_count: int
    """Products that went through the network; the others kept their vectors."""
    is_new: bool
    """False if exactly this was published before."""

    def line(self) -> str:
        """Say it to a person."""
        kept_count = self.product_count - self.computed_count
        return (
            f"{self.product_count:,} products by classifier version {self.version.version},"
            + (
                f" {self.computed_count:,} embedded anew, {kept_count:,} as before"
                if self.is_new
                else " nothing has changed"
            )
            + f" -> {self.folder}"
        )


@dataclass(frozen=True)
class Earlier:
    """What the same version of the model published before; nothing if it never did."""

    folder: Path = Path()
    as_of: datetime = NEVER
    content: Mapping[str, Content] = field(default_factory=dict)
    row_of: Mapping[str, int] = field(default_factory=dict)
    embedding_NE: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    guesses: attributes.EarlierGuesses = field(
        default_factory=lambda: attributes.EarlierGuesses(Path())
    )

    @classmethod
    def by(cls, version: ModelVersion, root: Path) -> "Earlier":
        """Read what is current, if it is this version's."""
        if not (root / "current" / contents.FILE).exists():
            return cls()
        folder = current_version(root)
        is_older_release = RECEIVED not in pq.read_schema(folder / FILE).names
        manifest = _manifest(folder)
        if is_older_release or manifest["version"] != version.version:
            return cls()
        rows = pq.read_table(folder / FILE, columns=["product_id", "embedding"])
        flat = rows["embedding"].combine_chunks().flatten().to_numpy()
        row_of = {product_id: n for n, product_id in enumerate(rows["product_id"].to_pylist())}
        embedding_NE = flat.reshape(len(row_of), -1)
        guesses = attributes.EarlierGuesses(folder)
        as_of = parse_instant(manifest["as_of"])
        return cls(folder, as_of, contents.read(folder), row_of, embedding_NE, guesses)

    def has_seen(self, product_id: str, content: Content) -> bool:
        """Tell whether the network has seen a product as it is now."""
        return product_id in self.content and self.content[product_id].seen == content.seen


def embed(
    settings: Settings, paths: Paths, as_of: datetime, say: Say = lambda line: None
) -> Publication:
    """Publish the catalogue as received before `as_of`, as the champion sees it.

    It is published as of the end of what has been received, if that is earlier.

    Raises
    ------
    StageSkipped
        If there is no champion, an earlier version of the product saved it, no product came, or the
        champion or what is published knows later data: a question about the past never replaces
        what is current. Or if, when all is made, another version serves, or later data has been
        published: what is slow never replaces what is newer.
    GateError
        If what was made is not what should be published; see `check`.
    """
    try:
        version, model = serving.champion(settings, paths)
    except (NotPublishedError, BadInputError) as reason:
        raise StageSkipped(f"embed skipped: {reason}") from None
    known = data_interval(paths, as_of)
    if known is None:
        raise StageSkipped(f"embed skipped: no product came before {format_instant(as_of)}")

    def agree() -> None:
        _refuse_replaced(Registry(settings, paths).champion(serving.NAME), version)
        _refuse_past(paths, version, known.end)

    agree()
    size = model.config.image_size
    photographs.decode_all(paths, known.end, size, say)
    pixels = photographs.store_of(paths, size).get
    products = read_catalogue(paths, known.end)
    keep = settings.keep_versions
    return publish(paths.embeddings, model, version, products, pixels, known, keep, say, agree)


def embed_again(
    settings: Settings, paths: Paths, data_end: datetime, say: Say = lambda line: None
) -> Publication | None:
    """Publish the catalogue once more after a change of champion, to one whose data ended so.

    It is the catalogue that was published last; None if none ever was.

    Raises
    ------
    GateError
        If what was made is not what should be published; see `check`.
    """
    if not (paths.embeddings / "current" / MANIFEST).exists():
        return None
    published = parse_instant(_manifest(current_version(paths.embeddings))["as_of"])
    return embed(settings, paths, max(published, data_end), say)


def publish(
    root: Path,
    model: ProductClassifier,
    version: ModelVersion,
    products: Sequence[Product],
    pixels: Pixels,
    known: Interval,
    keep: int,
    say: Say = lambda line: None,
    agree: Agreement = agreed,
) -> Publication:
    """Embed products, ordered by id, with a registered model; check the result and publish it.

    The labels that the shop gave and those that the model adds stand beside the embeddings, made in
    the same pass. Beside the vectors of before, memory is bounded by a piece of the products.
    `agree` is asked once more when all is made, while nobody else can publish; see `new_version`.

    Raises
    ------
    GateError
        See `check` and `attributes.reconciled`; then what was published before is still current.
    """
    earlier, content = Earlier.by(version, root), contents.of_products(products, pixels)
    computed_count = sum(not earlier.has_seen(*item) for item in content.items())
    if content == earlier.content and earlier.as_of <= known.end:
        return Publication(earlier.folder, version, len(products), 0, is_new=False)
    progress = _Progress(say, computed_count)
    width = model.config.embedding_width
    products = [p if p.seen_since else replace(p, seen_since=known.end) for p in products]
    with new_version(root, stamp(known.end), keep, newest_of_models, agree) as folder:
        with _writers(folder, width) as (vectors, labels):
            for some in chunks(products, PIECE):
                known_before = [earlier.has_seen(p.product_id, content[p.product_id]) for p in some]
                rows, labelled = _answers(some, known_before, earlier, model, version, pixels)
                vectors.write_table(rows)
                labels.write_table(labelled)
                progress.add(known_before.count(False))
        contents.write(content, folder)
        check(folder / FILE, list(content), version.version)
        manifest = {
            "model": version.name,
            "version": version.version,
            "as_of": format_instant(known.end),
            "data_end": format_instant(version.data.end),
            "product_count": len(products),
            "width": width,
            "attributes": attributes.reconciled(folder / attributes.FILE, products, model.tasks),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return Publication(current_version(root), version, len(products), computed_count, is_new=True)


def as_table(
    product_ids: Sequence[str],
    model_version: int,
    received: Sequence[datetime | None],
    embedding_NE: np.ndarray,
) -> pa.Table:
    """Return the rows of the published file; `received` is `seen_since` of the products."""
    width = embedding_NE.shape[1]
    return pa.table(
        [
            pa.array(product_ids, pa.string()),
            pa.array([model_version] * len(product_ids), pa.int32()),
            pa.array(received, INSTANT),
            pa.FixedSizeListArray.from_arrays(pa.array(embedding_NE.ravel()), width),
        ],
        schema=schema(width),
    )


def check(file: Path, product_ids: Sequence[str], model_version: int) -> None:
    """Read a file of embeddings back and hold it to what was asked for.

    Raises
    ------
    GateError
        Unless there is one row per product of the catalogue, in its order and by this version, and
        each vector is finite and of unit length.
    """
    found: list[str] = []
    for batch in pq.ParquetFile(file).iter_batches(PIECE):
        rows = pa.Table.from_batches([batch])
        ids = rows["product_id"].to_pylist()
        found += ids
        if set(rows["model_version"].to_pylist()) != {model_version}:
            raise GateError(f"embeddings: a row of {ids[0]} … {ids[-1]} is of another version")
        flat = rows["embedding"].combine_chunks().flatten().to_numpy()
        length_N = np.linalg.norm(flat.reshape(len(ids), -1), axis=1)
        wrong_N = ~(np.abs(length_N - 1) <= LENGTH_TOLERANCE)  # not a number is wrong, too
        if wrong_N.any():
            worst = int(wrong_N.argmax())
            raise GateError(
                f"embeddings: the vector of {ids[worst]} has the length {length_N[worst]}, not 1;"
                " nothing was published. Look at the model's learning curves, or roll it back with"
                " `vitrine rollback classifier`"
            )
    if found != list(product_ids):
        raise GateError(
            f"embeddings: {len(found)} rows of {len(set(found))} products were made for a catalogue"
            f" of {len(product_ids)}, or in another order; nothing was published"
        )


def _answers(
    products: Sequence[Product],
    known_before: Sequence[bool],
    earlier: Earlier,
    model: ProductClassifier,
    version: ModelVersion,
    pixels: Pixels,
) -> tuple[pa.Table, pa.Table]:
    """Return the rows of some products: their vectors, and their attributes."""
    is_kept_N = np.asarray(known_before)
    kept = [p.product_id for p, is_kept in zip(products, is_kept_N, strict=True) if is_kept]
    fresh = [p for p, is_kept in zip(products, is_kept_N, strict=True) if not is_kept]
    embedding_NE = np.empty((len(products), model.config.embedding_width), np.float32)
    guessed = []
    if kept:
        embedding_NE[is_kept_N] = earlier.embedding_NE[[earlier.row_of[id_] for id_ in kept]]
        guessed.append(earlier.guesses.of(kept))
    if fresh:
        prediction = predict(model, encode(fresh, model.tasks, model.config, pixels))
        embedding_NE[~is_kept_N] = prediction.embedding_NE
        guessed.append(attributes.guesses(model, [p.product_id for p in fresh], prediction))
    ids = [product.product_id for product in products]
    labelled = attributes.as_table(
        products, model.tasks, pa.concat_tables(guessed), version.version
    )
    received = [product.seen_since for product in products]
    return as_table(ids, version.version, received, embedding_NE), labelled


@contextmanager
def _writers(folder: Path, width: int) -> Iterator[tuple[pq.ParquetWriter, pq.ParquetWriter]]:
    with ExitStack() as stack:
        vectors, labels = (
            stack.enter_context(pq.ParquetWriter(folder / name, columns, compression="zstd"))
            for name, columns in ((FILE, schema(width)), (attributes.FILE, attributes.SCHEMA))
        )
        yield vectors, labels


class _Progress:
    """A line for each so many products that went through the network, and one at the end."""

    def __init__(self, say: Say, expected: int) -> None:
        self._say, self._expected = say, expected
        self._done = self._said = 0
        self._begun = time.monotonic()

    def add(self, count: int) -> None:
        """Say how far it is, if that is worth a line."""
        self._done += count
        is_end = self._done == self._expected
        if self._done == self._said or not (is_end or self._done - self._said >= PIECE):
            return
        self._said = self._done
        rate = self._done / (time.monotonic() - self._begun)
        left = (self._expected - self._done) / rate / 60
        self._say(
            f"embedded {self._done:,} of {self._expected:,} products, {rate:,.0f} products/s,"
            f" {left:.0f} minutes left"
        )


def _refuse_replaced(champion: ModelVersion | None, version: ModelVersion) -> None:
    if champion is not None and champion.version != version.version:
        raise StageSkipped(
            f"embed skipped: classifier version {champion.version} has come into service since"
            f" version {version.version} began, and publishes the catalogue itself"
        )


def _refuse_past(paths: Paths, version: ModelVersion, as_of: datetime) -> None:
    """Refuse what knows less than the model does, or than what is published does.

    Neither knows more than has been received, whatever an earlier release wrote down.
    """
    received_until = lake.received_until(paths.lake) or as_of
    if min(version.data.end, received_until) > as_of:
        raise StageSkipped(
            f"embed skipped: classifier version {version.version} knows the data until"
            f" {format_instant(version.data.end)}, later than {format_instant(as_of)}"
        )
    if not (paths.embeddings / "current" / MANIFEST).exists():
        return
    published = _manifest(current_version(paths.embeddings))["as_of"]
    if min(parse_instant(published), received_until) > as_of:
        raise StageSkipped(
            f"embed skipped: the catalogue as of {published} is published, later than"
            f" {format_instant(as_of)}"
        )


def _manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return manifest
