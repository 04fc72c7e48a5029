"""Which products are like one: the nearest published embeddings, and what the products share.

Reads what `embeddings` published; no network is loaded.

N products, E width of the embedding.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from training.classifier.catalogue import answers, newest_descriptions, newest_photographs
from training.classifier.images import ImageFile
from vitrine.errors import BadArgumentError
from vitrine.interval import parse_instant
from vitrine.paths import Paths
from vitrine.publish import current_version

GIVEN = "given"


@dataclass(frozen=True)
class Attribute:
    """One answer about a product, and whether the classifier gave it instead of the shop."""

    task: str
    answer: str
    is_predicted: bool


@dataclass(frozen=True)
class Article:
    """A product as it is shown to a person."""

    product_id: str
    name: str
    brand: str
    sector: str
    sub_sector: str
    attributes: tuple[Attribute, ...]
    images: tuple[ImageFile, ...]

    @property
    def place(self) -> str:
        """Brand and place in the shop's tree: `Atelier, fashion / shirts`."""
        return f"{self.brand}, {self.sector} / {self.sub_sector}"


@dataclass(frozen=True)
class Neighbour:
    """An article like another one; `similarity` is the cosine, rounded to 6 digits."""

    article: Article
    similarity: float
    shared: tuple[Attribute, ...]
    """What both have, in the order of the tasks; predicted if it is of either."""


@dataclass(frozen=True)
class Likeness:
    """A product and the nearest others, the nearest first."""

    article: Article
    neighbours: tuple[Neighbour, ...]
    embedded_count: int
    model_version: int
    as_of: datetime


def nearest(embedding_NE: np.ndarray, row: int, count: int) -> list[tuple[int, float]]:
    """Return the rows whose unit vectors lie nearest to one, and their cosines, 6 digits.

    The row itself is left out, even if others are equal to it; of equals the first comes first.
    """
    cosine_N = np.round((embedding_NE @ embedding_NE[row]).astype(np.float64), 6)
    order = np.argsort(-cosine_N, kind="stable")
    return [(int(n), float(cosine_N[n])) for n in order[: count + 1] if n != row][:count]


def find_similar(paths: Paths, product_id: str, count: int) -> Likeness:
    """Find the published products that are most like one.

    Raises
    ------
    NotPublishedError
        If no embeddings are published.
    BadArgumentError
        If the product is not among them; the message names ids that are written alike.
    """
    folder = current_version(paths.embeddings)
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = pq.read_table(folder / "product_embeddings.parquet", columns=["product_id", "embedding"])
    ids: list[str] = rows["product_id"].to_pylist()
    if product_id not in ids:
        raise BadArgumentError(_unknown(product_id, ids, manifest["as_of"]))
    flat = rows["embedding"].combine_chunks().flatten().to_numpy()
    found = nearest(flat.reshape(len(ids), -1), ids.index(product_id), count)
    as_of = parse_instant(manifest["as_of"])
    articles = read_articles(paths, folder, as_of, [product_id, *(ids[n] for n, _ in found)])
    article = articles[product_id]
    neighbours = [
        Neighbour(articles[ids[n]], similarity, shared(article, articles[ids[n]]))
        for n, similarity in found
    ]
    return Likeness(article, tuple(neighbours), len(ids), manifest["version"], as_of)


def shared(one: Article, other: Article) -> tuple[Attribute, ...]:
    """Return the answers that both have to the same task, predicted if either's is."""
    theirs = {(a.task, a.answer): a.is_predicted for a in other.attributes}
    return tuple(
        Attribute(a.task, a.answer, a.is_predicted or theirs[a.task, a.answer])
        for a in one.attributes
        if (a.task, a.answer) in theirs
    )


def read_articles(
    paths: Paths, folder: Path, as_of: datetime, product_ids: Sequence[str]
) -> dict[str, Article]:
    """Describe products, as received before `as_of`, with the attributes published in `folder`."""
    attributes = _attributes(folder / "product_attributes.parquet", product_ids)
    images: dict[str, list[ImageFile]] = {product_id: [] for product_id in product_ids}
    for row in newest_photographs(paths, as_of, product_ids):
        file = ImageFile(paths.landing / row["path"], row["sha256"])
        # The front is what a shop's page shows; other views follow by name.
        place = 0 if row["view"] == "front" else len(images[row["product_id"]])
        images[row["product_id"]].insert(place, file)
    return {
        row["product_id"]: Article(
            product_id=row["product_id"],
            name=row["name"],
            brand=row["brand"],
            sector=row["sector"],
            sub_sector=row["sub_sector"],
            attributes=attributes.get(row["product_id"], ()),
            images=tuple(images[row["product_id"]]),
        )
        for row in newest_descriptions(paths, as_of, product_ids)
    }


def lines(likeness: Likeness) -> list[str]:
    """Say to a person what is like a product, and why one might think so."""
    article, margin = likeness.article, len(str(len(likeness.neighbours)))
    indent = " " * (margin + 7)
    found = [article.product_id + "  " + article.name, f"  {article.place}"]
    found += [f"  {_said(article.attributes)}", ""]
    for number, neighbour in enumerate(likeness.neighbours, start=1):
        one = neighbour.article
        found.append(
            f"{number:>{margin}}  {neighbour.similarity:.2f}  {one.product_id}  {one.name}"
        )
        found.append(f"{indent} {one.place}; shares {_said(neighbour.shared)}")
    found.append("")
    return [*found, provenance(likeness)]


def provenance(likeness: Likeness) -> str:
    """Say what the answer is made of."""
    return (
        f"* by the classifier, where the shop gave no label. Cosine of"
        f" {likeness.embedded_count:,} products' embeddings, classifier version"
        f" {likeness.model_version}, as of {likeness.as_of:%Y-%m-%d %H:%M} UTC."
    )


def _said(attributes: Sequence[Attribute]) -> str:
    said = [f"{a.task} {a.answer}{'*' if a.is_predicted else ''}" for a in attributes]
    return ", ".join(said) or "no attribute"


def _attributes(file: Path, product_ids: Sequence[str]) -> dict[str, tuple[Attribute, ...]]:
    wanted = [("product_id", "in", list(product_ids))]
    found: dict[str, tuple[Attribute, ...]] = {}
    columns = ["product_id", "task", "label", "source"]
    for row in pq.read_table(file, columns=columns, filters=wanted).to_pylist():
        given = row["source"] == GIVEN
        of_task = [Attribute(row["task"], a, not given) for a in answers(row["label"] or "")]
        found[row["product_id"]] = (*found.get(row["product_id"], ()), *of_task)
    return found


def _unknown(product_id: str, ids: Sequence[str], as_of: str) -> str:
    near = get_close_matches(product_id, ids, 3)
    return (
        f"no product '{product_id}' among the {len(ids):,} that were embedded as of {as_of};"
        + (f" near: {', '.join(near)}" if near else " no id is written like it")
        + "; what came later is embedded by the next daily run, or by `vitrine embed`"
    )
