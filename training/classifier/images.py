"""The store of decoded images: each file is decoded once, and refused once."""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from training.classifier.decoding import MOST_BYTES, RULES, BadImageError, decode
from vitrine.publish import TEMPORARY, atomic_file

SEGMENT_BYTES = 16 * 2**20
PROGRESS_EVERY = 5_000
"""Images between two lines of progress."""
_CHUNK_BYTES = 2**20
_TRANSIENT = ("missing", "changed")


class Refusal(NamedTuple):
    """Why an image cannot be used: one of `decoding.REASONS`, and what was found."""

    reason: str
    detail: str


@dataclass(frozen=True)
class ImageFile:
    """One photograph: where it lies, and the hash of its bytes where the catalogue gave one."""

    path: Path
    sha256: str | None = None

    def read(self) -> bytes:
        """Return the file's bytes; of more than are ever decoded only the beginning.

        Raises
        ------
        BadImageError
            `missing` if there is no such file, `changed` if the bytes have another hash.
        """
        if not self.path.is_file():  # a pipe would keep us waiting
            raise BadImageError("missing")
        try:
            with self.path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
                digest = hashlib.sha256(data)
                while self.sha256 is not None and (more := file.read(_CHUNK_BYTES)):
                    digest.update(more)
                length = file.tell()
        except OSError as error:
            raise BadImageError("missing", error.strerror or "") from None
        if self.sha256 not in (None, digest.hexdigest()):
            raise BadImageError("changed", f"{length:,} bytes with the hash {digest.hexdigest()}")
        return data


class ImageStore:
    """Decoded images on disk, uint8, found by the hash of their file and their size.

    A store is a folder of segments: `<size>/<name>.npy` of shape (images, size, size, 3), read
    through a memory map that keeps no file open, and `<size>/<name>.parquet` with the hash of each
    row. The hashes that were refused lie in `refused/<name>.parquet`, for all sizes together. Files
    are only ever added, the hashes last, so a killed writer leaves nothing that is read, and
    several may write. A file's name is a digest of its hashes. Losing the folder costs time only.

    At 64 pixels an image takes 12 KiB. `add` holds one segment in memory, and the one image that is
    being decoded; what `get` returns is the system's to load and to drop.
    """

    def __init__(self, folder: Path, size: int) -> None:
        root = folder / f"rules-{RULES}"
        self.folder = root / f"{size}"
        self.size = size
        self._refused_folder = root / "refused"
        self._rows: dict[str, tuple[np.ndarray, int]] = {}
        self._refused: dict[str, Refusal] = {}
        for index in _written(self.folder):
            self._open(index)
        for index in _written(self._refused_folder):
            rows = pq.read_table(index).to_pylist()
            self._refused |= {r["sha256"]: Refusal(r["reason"], r["detail"]) for r in rows}

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._rows

    def get(self, file: ImageFile) -> np.ndarray | None:
        """Return uint8 (size, size, 3), mapped and not yet read; None if never added, or bad."""
        found = self._rows.get(file.sha256 or "")
        return None if found is None else found[0][found[1]]

    def add(
        self, files: Iterable[ImageFile], say: Callable[[str], object] = lambda line: None
    ) -> dict[ImageFile, Refusal]:
        """Decode what is new; return which of `files` cannot be used, the ones known before too.

        A file without a hash is passed over. One that was refused for what its bytes are is not
        looked at again; one that was missing, or other than announced, is. `say` hears a line now
        and then.
        """
        asked = [file for file in files if file.sha256 is not None]
        new = [file for file in asked if not self._is_known(file)]
        absent: dict[ImageFile, Refusal] = {}
        step = max(1, SEGMENT_BYTES // (self.size * self.size * 3))
        for start in range(0, len(new), step):
            absent |= self._decode(new[start : start + step])
            done = min(start + step, len(new))
            if done // PROGRESS_EVERY > start // PROGRESS_EVERY:
                say(f"decoded {done:,} of {len(new):,} new images at {self.size} pixels")
        refused = {file: self._refused.get(file.sha256 or "") or absent.get(file) for file in asked}
        return {
            file: refusal
            for file, refusal in refused.items()
            if refusal is not None and self.get(file) is None
        }

    def _is_known(self, file: ImageFile) -> bool:
        return file.sha256 in self._rows or file.sha256 in self._refused

    def _decode(self, files: Sequence[ImageFile]) -> dict[ImageFile, Refusal]:
        """Add one segment at most; return what may be there, or be right, another time."""
        pixels = np.empty((len(files), self.size, self.size, 3), np.uint8)
        rows: dict[str, int] = {}
        refused: dict[str, Refusal] = {}
        absent: dict[ImageFile, Refusal] = {}
        for file in files:
            sha256 = file.sha256 or ""
            if sha256 in rows or self._is_known(file):
                continue
            try:
                pixels[len(rows)] = decode(file.read(), self.size)
                rows[sha256] = len(rows)
            except BadImageError as error:
                refusal = Refusal(error.reason, error.detail)
                if error.reason in _TRANSIENT:
                    absent[file] = refusal
                else:
                    refused[sha256] = refusal
        self._keep(list(rows), pixels)
        self._remember(refused)
        return absent

    def _keep(self, hashes: list[str], pixels: np.ndarray) -> None:
        if not hashes:
            return
        index = self.folder / f"{_name(hashes)}.parquet"
        with atomic_file(index.with_suffix(".npy")) as path, path.open("wb") as file:
            np.save(file, pixels[: len(hashes)])
        with atomic_file(index) as path:
            pq.write_table(pa.table({"sha256": hashes}), path)
        self._open(index)

    def _remember(self, refused: dict[str, Refusal]) -> None:
        if not refused:
            return
        columns = dict(zip(Refusal._fields, zip(*refused.values(), strict=True), strict=True))
        rows = pa.table({"sha256": list(refused), **columns})
        with atomic_file(self._refused_folder / f"{_name(list(refused))}.parquet") as path:
            pq.write_table(rows, path)
        self._refused |= refused

    def _open(self, index: Path) -> None:
        hashes = pq.read_table(index)["sha256"].to_pylist()
        segment = _mapped(index.with_suffix(".npy"), (len(hashes), self.size, self.size, 3))
        self._rows |= {sha256: (segment, row) for row, sha256 in enumerate(hashes)}


def _mapped(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Map the uint8 array of a shape that ends a file.

    numpy's own map keeps the file open, and a large catalogue has more segments than a process may
    have open files. torch closes it.
    """
    import torch

    whole = torch.from_file(str(file), size=file.stat().st_size, dtype=torch.uint8).numpy()
    array = whole[-math.prod(shape) :].reshape(shape)
    array.setflags(write=False)
    return array


def _written(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*.parquet") if not p.name.startswith(TEMPORARY))


def _name(hashes: list[str]) -> str:
    """Two that decode the same files write the same one."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:24]
