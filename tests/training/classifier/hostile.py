"""Files that lie, or are huge: a few bytes each that ask for gigabytes. Run alone, it measures.

python -m tests.training.classifier.hostile FOLDER

decodes them all into a store, after one tame image, and prints which were refused, and by how many
bytes the largest resident size of the process rose above that of the one image.
"""

import hashlib
import io
import json
import sys
import zlib
from pathlib import Path

from PIL import Image

from training.classifier.images import ImageFile, ImageStore

RED = (250, 0, 0)


def encoded(image: Image.Image, format_: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def png(
    width: int, height: int, *, colour_type: int = 2, extra: bytes = b"", rows: int | None = None
) -> bytes:
    """Return a PNG with all or some of its rows: zeros, which deflate to next to nothing."""
    channels = {0: 1, 2: 3, 6: 4}[colour_type]
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, colour_type, 0, 0, 0])
    packer, row = zlib.compressobj(1), bytes(1 + channels * width)
    pixels = b"".join(packer.compress(row) for _ in range(rows or height)) + packer.flush()
    chunks = _chunk(b"IHDR", header) + extra + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def text_bomb(bytes_: int) -> bytes:
    """Return a PNG chunk of a kilobyte that unpacks to a text of so many bytes."""
    return _chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(bytes_), 9))


def many_scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan is said `count` times."""
    data = encoded(Image.new("RGB", (64, 64), RED), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : data.rindex(b"\xff\xd9")]
    return data[:-2] + last * count + b"\xff\xd9"


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + name + content + checksum


def files() -> dict[str, bytes]:
    """Return the largest that are decoded, and what is beyond that."""
    photograph = Image.new("RGB", (7000, 7000), RED)
    half = Image.new("RGB", (4600, 4600), RED)
    return {
        "decoded-49-megapixels.jpg": encoded(photograph, "JPEG"),
        "decoded-49-megapixels-cmyk.jpg": encoded(photograph.convert("CMYK"), "JPEG"),
        "decoded-21-megapixels-progressive.jpg": encoded(
            half, "JPEG", progressive=True, subsampling=0
        ),
        "decoded-33-megapixels.png": png(5700, 5700),
        "decoded-33-megapixels-transparent.png": png(5700, 5700, colour_type=6),
        "decoded-7-megapixels.webp": encoded(half.crop((0, 0, 2700, 2700)), "WEBP", method=0),
        "too_large-49-megapixels-progressive.jpg": encoded(
            photograph, "JPEG", progressive=True, subsampling=0
        ),
        "too_large-49-megapixels.png": png(7000, 7000),
        "too_large-20000-squared.png": png(20_000, 20_000, colour_type=0),
        "too_large-60000-squared.png": png(60_000, 60_000, rows=1),
        "too_large-16-megapixels.webp": encoded(half.crop((0, 0, 4000, 4000)), "WEBP", method=0),
        "too_large-scans.jpg": many_scans(2000),
        "too_large-bytes.jpg": bytes(encoded(half, "JPEG")) + bytes(100_000_000),
        "damaged-text-bomb.png": png(8, 8, extra=text_bomb(200_000_000)),
    }


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _kept(folder: Path) -> list[ImageFile]:
    return [
        ImageFile(path, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.iterdir())
    ]


def main(folder: Path) -> None:
    """Decode what lies in a folder, `tame.png` first."""
    store = ImageStore(folder.with_name("store"), 64)
    tame, hostile = folder / "tame.png", _kept(folder / "hostile")
    store.add([ImageFile(tame, hashlib.sha256(tame.read_bytes()).hexdigest())])
    before = _peak_bytes()
    refused = {file.path.name: refusal.reason for file, refusal in store.add(hostile).items()}
    print(json.dumps({"refused": refused, "risen_bytes": _peak_bytes() - before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
