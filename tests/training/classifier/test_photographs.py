import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.classifier.conftest import AS_OF, RECEIVED_AT, Shop
from training.classifier.decoding import REASONS
from training.classifier.images import ImageFile
from training.classifier.photographs import SCHEMA, decode_all, store_of
from vitrine import lake
from vitrine.interval import Interval, parse_instant
from vitrine.operations.status import refused_photographs
from vitrine.paths import Paths
from vitrine.transform.product_tables import QUARANTINED_IMAGES

BAD = {"p_1_back": b"", "p_2_front": b"%PDF-1.4", "p_3_front": None}
FOUND = {"p_1_back": "changed", "p_2_front": "changed", "p_3_front": "missing"}
LATER = AS_OF + timedelta(days=1)


@dataclass(frozen=True)
class Refused:
    """A shop of 5 products with two photographs each, three of them bad."""

    shop: Shop

    def file(self, name: str) -> Path:
        return self.shop.paths.landing / f"{name}.png"

    def rows(self) -> list[dict]:
        return pq.read_table(self.shop.paths.quarantined_images).to_pylist()

    def reasons(self) -> dict[str, str]:
        return {f"{row['product_id']}_{row['view']}": row["reason"] for row in self.rows()}


@pytest.fixture
def refused(make_shop) -> Refused:
    made = Refused(make_shop(5))
    for name, data in BAD.items():
        if data is None:
            made.file(name).unlink()
        else:
            made.file(name).write_bytes(data)
    return made


def test_each_photograph_that_cannot_be_used_is_published_once_with_its_reason(refused):
    paths = refused.shop.paths
    returned = decode_all(paths, AS_OF, 16)
    assert {file.path.stem: refusal.reason for file, refusal in returned.items()} == FOUND
    assert refused.reasons() == FOUND
    assert pq.read_schema(paths.quarantined_images).remove_metadata() == SCHEMA
    [first, *_] = refused.rows()
    assert first["path"] == "p_1_back.png"
    assert first["received_at"] == RECEIVED_AT
    store = store_of(paths, 16)
    good = [path for path in paths.landing.glob("*.png") if path.stem not in BAD]
    assert len(good) == 7
    rows = {file: store.get(file) for file in _files(good)}
    assert all(row is not None for row in rows.values())


def test_the_table_is_the_same_again_and_says_what_was_mended(refused):
    paths = refused.shop.paths
    receive_on(AS_OF, paths)
    image = refused.file("p_0_front").read_bytes()
    decode_all(paths, AS_OF, 16)
    before = paths.quarantined_images.read_bytes()
    decode_all(paths, AS_OF, 16)
    assert paths.quarantined_images.read_bytes() == before
    refused.file("p_3_front").write_bytes(image)
    decode_all(paths, LATER, 16)
    assert refused.reasons() == FOUND | {"p_3_front": "changed"}
    decode_all(paths, AS_OF, 16)
    refused.file("p_3_front").unlink()
    decode_all(paths, AS_OF, 16)
    assert refused.reasons() == FOUND | {"p_3_front": "changed"}, "the past replaces nothing"


def test_a_later_instant_than_anything_received_freezes_no_table(refused):
    paths = refused.shop.paths
    decode_all(paths, parse_instant("2027-01-01"), 16)
    refused.file("p_3_front").write_bytes(b"no image")
    decode_all(paths, AS_OF, 16)
    assert refused.reasons() == FOUND | {"p_3_front": "changed"}
    # An earlier release has written the later instant down.
    frozen = {b"vitrine.as_of": b"2027-01-01T00:00:00Z"}
    table = pq.read_table(paths.quarantined_images).replace_schema_metadata(frozen)
    pq.write_table(table, paths.quarantined_images)
    refused.file("p_3_front").unlink()
    decode_all(paths, AS_OF, 16)
    assert refused.reasons() == FOUND


def test_the_table_is_described_as_it_is():
    assert [column.name for column in QUARANTINED_IMAGES.columns] == SCHEMA.names
    (said,) = [c.description for c in QUARANTINED_IMAGES.columns if c.name == "reason"]
    assert all(reason in said for reason in REASONS)


def test_status_counts_the_refused(refused):
    paths = refused.shop.paths
    assert list(refused_photographs(paths)) == []
    decode_all(paths, AS_OF, 16)
    [line] = refused_photographs(paths)
    assert line.startswith("photographs quarantined 3 (changed 2, missing 1);")


def receive_on(day: datetime, paths: Paths) -> None:
    """Land some table's rows of a day."""
    lake.write_partition(
        paths.lake, "orders", Interval.of_day(day.date()), pa.table({"order_id": ["o"]})
    )


def _files(paths: list[Path]) -> list[ImageFile]:
    return [ImageFile(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in paths]
