"""Images: decoding with every doubt checked, and a store that decodes each of them once."""

import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps, UnidentifiedImageError

from vitrine.publish import TEMPORARY, atomic_file

FORMATS = ("JPEG", "PNG", "WEBP")
MOST_PIXELS = 50_000_000
SEGMENT_BYTES = 64 * 2**20


class BadImageError(Exception):
    """An image that cannot be used; `reason` is one of few fixed words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class ImageFile:
    """One photograph: where it lies, and the hash of its bytes where the catalogue gave one."""

    path: Path
    sha256: str | None = None

    def read(self) -> bytes:
        """Return the file's bytes.

        Raises
        ------
        BadImageError
            `missing` if there is no such file, `changed` if the bytes have another hash.
        """
        try:
            data = self.path.read_bytes()
        except OSError:
            raise BadImageError("missing") from None
        if self.sha256 is not None and hashlib.sha256(data).hexdigest() != self.sha256:
            raise BadImageError("changed")
        return data


def decode(data: bytes, size: int) -> np.ndarray:
    """Return an image as uint8 (size, size, 3), RGB, padded to a square with white.

    Transparency is laid over white, an EXIF rotation is applied, an animation gives its first
    frame.

    Raises
    ------
    BadImageError
        `wrong_type`, `too_large` (above 50 megapixels) or `truncated`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BadImageError("too_large")
            image.draft("RGB", (size, size))
            upright = ImageOps.exif_transpose(image)
            square = ImageOps.pad(
                _opaque(upright), (size, size), Image.Resampling.BILINEAR, color="white"
            )
            return np.asarray(square, dtype=np.uint8)
    except UnidentifiedImageError:
        raise BadImageError("wrong_type") from None
    except Image.DecompressionBombError:
        raise BadImageError("too_large") from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise BadImageError("truncated") from None


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(paper, layer).convert("RGB")


class ImageStore:
    """Decoded images on disk, uint8, found by the hash of their file and their size.

    A store is a folder of segments: `<name>.npy` of shape (images, size, size, 3), read through a
    memory map, and `<name>.parquet` with the hash of each row. Segments are only ever added, the
    hashes last, so a killed writer leaves nothing that is read. Losing the folder costs time only.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder / f"{size}"
        self.size = size
        self._rows: dict[str, tuple[np.ndarray, int]] = {}
        for index in sorted(self.folder.glob("*.parquet")):
            if not index.name.startswith(TEMPORARY):
                self._open(index)

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._rows

    def get(self, file: ImageFile) -> np.ndarray | None:
        """Return uint8 (size, size, 3), mapped and not yet read; None if never added, or bad."""
        found = self._rows.get(file.sha256 or "")
        return None if found is None else found[0][found[1]]

    def add(self, files: Iterable[ImageFile]) -> Counter[str]:
        """Decode what is not there yet; return how many were refused for each reason."""
        refused: Counter[str] = Counter()
        rows: dict[str, np.ndarray] = {}
        for sha256, pixels in self._decoded(files, refused):
            rows[sha256] = pixels
            if len(rows) * pixels.nbytes >= SEGMENT_BYTES:
                self._append(rows)
                rows = {}
        if rows:
            self._append(rows)
        return refused

    def _decoded(
        self, files: Iterable[ImageFile], refused: Counter[str]
    ) -> Iterator[tuple[str, np.ndarray]]:
        seen: set[str] = set()
        for file in files:
            if file.sha256 is None or file.sha256 in self or file.sha256 in seen:
                continue
            try:
                pixels = decode(file.read(), self.size)
            except BadImageError as error:
                refused[error.reason] += 1
            else:
                seen.add(file.sha256)
                yield file.sha256, pixels

    def _append(self, rows: dict[str, np.ndarray]) -> None:
        index = self.folder / f"{min(rows)}-{os.getpid()}.parquet"
        with atomic_file(index.with_suffix(".npy")) as path, path.open("wb") as pixels:
            np.save(pixels, np.stack(list(rows.values())))
        with atomic_file(index) as path:
            pq.write_table(pa.table({"sha256": list(rows)}), path)
        self._open(index)

    def _open(self, index: Path) -> None:
        segment = np.load(index.with_suffix(".npy"), mmap_mode="r")
        hashes = pq.read_table(index)["sha256"].to_pylist()
        self._rows |= {sha256: (segment, row) for row, sha256 in enumerate(hashes)}
