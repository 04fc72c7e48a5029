"""Products with made-up photographs of a shop's usual size, each file with bytes of its own."""

import hashlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from training.classifier.catalogue import Product, Task
from training.classifier.images import ImageFile

VIEWS = 3
WIDTH, HEIGHT, QUALITY = 768, 1024, 85
SMALL = 192, 256
"""Where the photographs' own size does not matter."""
MOTIFS = 64
"""Different pictures. Files repeat them, and differ by a comment that decoders pass over."""
CLASSES = (2, 5, 7, 40, 45, 140, 12, 4)
"""Of the tasks, about as many as the real shop has."""
WORDS = ("slim", "fit", "cotton", "shirt", "blue", "white", "men", "women", "kids", "shoe", "bag")
_COMMENT = b"\xff\xfe"


def tasks() -> tuple[Task, ...]:
    """Return the tasks of the made-up shop."""
    return tuple(
        Task(f"task_{k}", tuple(f"class_{c:03}" for c in range(count)))
        for k, count in enumerate(CLASSES)
    )


def products(
    folder: Path, count: int, size: tuple[int, int] = (WIDTH, HEIGHT), seed: int = 1
) -> list[Product]:
    """Write the photographs of so many products into a folder; return the products."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    motifs = [_motif(size, rng) for _ in range(MOTIFS)]
    return [_product(folder, n, motifs, rng) for n in range(count)]


def _product(folder: Path, number: int, motifs: list[bytes], rng: np.random.Generator) -> Product:
    product_id = f"p_{number:06}"
    labels = {task.name: str(rng.choice(task.classes)) for task in tasks()}
    images = tuple(
        _write(folder / f"{product_id}_{view}.jpg", motifs[rng.integers(len(motifs))])
        for view in range(VIEWS)
    )
    return Product(product_id, " ".join(rng.choice(WORDS, 30)), images, labels)


def _write(path: Path, motif: bytes) -> ImageFile:
    said = path.stem.encode()
    # After the marker that begins the file.
    data = motif[:2] + _COMMENT + struct.pack(">H", len(said) + 2) + said + motif[2:]
    path.write_bytes(data)
    return ImageFile(path, hashlib.sha256(data).hexdigest())


def _motif(size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """Draw a coarse pattern with fine grain before white, at full size about 100 kB as a JPEG."""
    width, height = size
    coarse = Image.fromarray(rng.integers(0, 255, (16, 12, 3), np.uint8))
    cloth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    cloth = (cloth + rng.integers(-8, 9, (height, width, 1))).clip(0, 255).astype(np.uint8)
    cloth[:, : width // 8] = cloth[:, -width // 8 :] = 255
    file = io.BytesIO()
    Image.fromarray(cloth).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def file_bytes(some: list[Product]) -> Iterator[int]:
    """Return the sizes of the photographs' files."""
    return (image.path.stat().st_size for product in some for image in product.images)
