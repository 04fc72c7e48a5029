"""A small shop with drawn photographs: colour shows in the images alone, kind in the text alone."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from training.classifier import attributes, embeddings
from training.classifier.config import ClassifierConfig
from vitrine import contracts, lake
from vitrine.interval import Interval, format_instant
from vitrine.paths import Paths
from vitrine.publish import new_version
from vitrine.settings import Settings, load_settings

RECEIVED_AT = datetime(2026, 1, 1, 6, tzinfo=UTC)
AS_OF = datetime(2026, 1, 2, tzinfo=UTC)
COLOURS = {"red": (220, 40, 40), "green": (40, 180, 60), "blue": (40, 60, 220)}
EMBEDDED_COSINES = (0.0, 1.0, 0.8, 0.6, 1.0)
"""Of the published embeddings of p_0 to p_4 with that of p_1."""
KINDS = ("bag", "boot", "shirt")
TINY = ClassifierConfig(
    image_size=16,
    stem_channels=8,
    stage_channels=(8, 16),
    stage_depths=(1, 1),
    block="basic",
    epochs=12,
    batch_size=32,
    text_buckets=512,
    text_width=16,
    hidden_width=64,
)


@dataclass(frozen=True)
class Shop:
    """An installation whose lake holds one catalogue."""

    settings: Settings
    paths: Paths

    def photograph(self, product_id: str, view: str) -> Path:
        return self.paths.landing / f"{product_id}_{view}.png"


@pytest.fixture(scope="session")
def tiny() -> ClassifierConfig:
    return TINY


@pytest.fixture(scope="session")
def cpu_device() -> torch.device:
    # Small batches on two threads wait for each other longer than they compute.
    torch.set_num_threads(1)
    return torch.device("cpu")


@pytest.fixture(scope="session")
def make_shop(tmp_path_factory) -> Callable[..., Shop]:
    """Build a shop of a size; with `is_noise` no label says anything about its product."""

    def make(product_count: int, *, is_noise: bool = False) -> Shop:
        root = tmp_path_factory.mktemp("shop")
        (root / "landing").mkdir()
        settings = load_settings(
            {
                "VITRINE_HOME": str(root / "home"),
                "VITRINE_LANDING": str(root / "landing"),
                "VITRINE_SOURCE": "fashion_products",
                "VITRINE_TORCH_DEVICE": "cpu",
                "VITRINE_TORCH_THREADS": "1",
            }
        )
        shop = Shop(settings, Paths.of(settings))
        rng = np.random.default_rng(3)
        rows = [_product(shop, f"p_{n}", rng, is_noise) for n in range(product_count)]
        _land(shop.paths, "products", [product for product, _ in rows])
        _land(shop.paths, "product_images", [image for _, images in rows for image in images])
        return shop

    return make


@pytest.fixture(scope="session")
def shop(make_shop) -> Shop:
    return make_shop(260)


@pytest.fixture(scope="session")
def published(make_shop) -> Shop:
    """A shop of six products, five of them embedded; the newest is not."""
    shop = make_shop(6)
    shop.photograph("p_2", "front").write_bytes(b"no image any more")
    shop.photograph("p_4", "front").unlink()
    shop.photograph("p_4", "back").unlink()
    said = [
        _attribute("p_1", "colour", "red", "given"),
        _attribute("p_1", "fabric", "cotton|silk", "given"),
        _attribute("p_1", "kind", None, "ask a person"),
        _attribute("p_2", "colour", "red", "given"),
        _attribute("p_2", "fabric", "silk|wool", "predicted"),
        _attribute("p_2", "kind", None, "ask a person"),
        _attribute("p_3", "colour", "blue", "given"),
    ]
    ids = [f"p_{n}" for n in range(5)]
    with new_version(shop.paths.embeddings, "20260102T0000") as folder:
        pq.write_table(
            embeddings.as_table(ids, 3, [AS_OF] * 5, _vectors()), folder / embeddings.FILE
        )
        rows = pa.Table.from_pylist(said, attributes.SCHEMA)
        pq.write_table(rows, folder / attributes.FILE)
        (folder / "manifest.json").write_text(
            json.dumps({"model": "classifier", "version": 3, "as_of": format_instant(AS_OF)})
        )
    return shop


def _vectors() -> np.ndarray:
    return np.array([[c, (1 - c * c) ** 0.5] for c in EMBEDDED_COSINES], np.float32)


def _attribute(product_id: str, task: str, label: str | None, source: str) -> dict:
    row = {"product_id": product_id, "task": task, "label": label, "source": source}
    return row | {"guess": "boot", "is_sure": True, "is_disputed": False}


def _product(
    shop: Shop, product_id: str, rng: np.random.Generator, is_noise: bool
) -> tuple[dict, list[dict]]:
    colour, kind = rng.choice(sorted(COLOURS)), rng.choice(KINDS)
    images = [_draw(shop, product_id, view, colour, rng) for view in ("back", "front")]
    labels = {"colour": colour, "kind": kind, "coin": rng.choice(["heads", "tails"])}
    if is_noise:
        labels = {"coin": labels["coin"]}
    if rng.random() < 0.2:
        del labels[sorted(labels)[0]]
    product = {
        "product_id": product_id,
        "name": f"Fine {kind} number {rng.integers(9)}",
        "brand": "Atelier",
        "sector": "fashion",
        "sub_sector": "all",
        "list_price": 10.0,
        "attributes": list(labels.items()),
        "received_at": RECEIVED_AT,
    }
    return product, images


def _draw(shop: Shop, product_id: str, view: str, colour: str, rng: np.random.Generator) -> dict:
    pixels = np.full((20, 20, 3), 255, np.uint8)
    noisy = np.asarray(COLOURS[colour]) + rng.integers(-30, 30, (12, 12, 3))
    pixels[4:16, 4:16] = noisy.clip(0, 255)
    path = shop.photograph(product_id, view)
    Image.fromarray(pixels).save(path)
    return {
        "product_id": product_id,
        "view": view,
        "path": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "received_at": RECEIVED_AT,
    }


def _land(paths: Paths, name: str, rows: list[dict]) -> None:
    table = contracts.table(name)
    columns = {
        field.name: pa.array([row.get(field.name) for row in rows], field.type)
        for field in table.schema
    }
    lake.ensure_table(paths.lake, name, table.schema)
    lake.write_partition(
        paths.lake, name, Interval.of_day(date(2026, 1, 1)), table.conform(pa.table(columns))
    )
