"""All photographs of a catalogue: decoded where they are new, and the refused ones published.

`quarantined_images.parquet` is what a data engineer reads (`vitrine sql "from quarantined_images"`,
`vitrine status`): what stands between a shop's files and the models, one row per photograph.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from training.classifier.catalogue import newest_photographs
from training.classifier.images import ImageFile, ImageStore, Refusal
from vitrine import lake
from vitrine.contracts import INSTANT
from vitrine.interval import format_instant, parse_instant
from vitrine.paths import Paths
from vitrine.publish import atomic_file

SCHEMA = pa.schema(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("view", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("received_at", INSTANT, nullable=False),
    ]
)
_AS_OF = b"vitrine.as_of"


def store_of(paths: Paths, size: int) -> ImageStore:
    """Open the store of a catalogue's images at a size."""
    return ImageStore(paths.staging / "images", size)


def decode_all(
    paths: Paths, as_of: datetime, size: int, say: Callable[[str], object] = lambda line: None
) -> dict[ImageFile, Refusal]:
    """Decode what was received before `as_of`, publish what was refused, and return that too.

    What was decoded or refused before is not decoded again. A bad photograph never stops the
    others. A question about the past leaves a newer table as it is; none is newer than what has
    been received.
    """
    received_until = lake.received_until(paths.lake) or as_of
    rows = newest_photographs(paths, as_of)
    files = [ImageFile(paths.landing / row["path"], row["sha256"]) for row in rows]
    refused = store_of(paths, size).add(files, say)
    quarantined = [
        row | refused[file]._asdict()
        for row, file in zip(rows, files, strict=True)
        if file in refused
    ]
    _publish(paths.quarantined_images, min(as_of, received_until), received_until, quarantined)
    return refused


def _publish(target: Path, as_of: datetime, received_until: datetime, rows: list[dict]) -> None:
    if target.exists():
        published = (pq.read_schema(target).metadata or {})[_AS_OF].decode()
        if min(parse_instant(published), received_until) > as_of:
            return
    schema = SCHEMA.with_metadata({_AS_OF: format_instant(as_of).encode()})
    known = [{name: row[name] for name in SCHEMA.names} for row in rows]
    with atomic_file(target) as path:
        pq.write_table(pa.Table.from_pylist(known, schema), path, compression="zstd")
