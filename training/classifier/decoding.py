"""From the bytes of an image file to a small square of pixels, every doubt about them checked.

| what comes | what becomes of it |
|---|---|
| JPEG, PNG, WebP, by content and not by name | decoded |
| a turned camera (EXIF) | turned upright; EXIF that cannot be read is passed over |
| CMYK, Adobe RGB, … | to sRGB by the file's own ICC profile; without a usable one plainly to RGB |
| grey, palette, 16 bits | to RGB of 8 bits |
| transparent | laid over white |
| animated, or several pictures in one file | the first picture: it is a photograph of the product |
| anything else | refused with one of `REASONS` |

Memory is bounded by `MOST_WORKING_BYTES`, whatever a file claims to be: what an image will take is
known from its header, before a pixel is decoded. Large images are made small band by band.
"""

import io
import re
import struct
import warnings
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

RULES = 1
"""Raise it whenever what is decoded, and how, changes: then every image is decoded again."""
FORMATS = ("JPEG", "PNG", "WEBP")
REASONS = {
    "missing": "there is no such file",
    "changed": "the file's bytes are not those that the shop announced",
    "empty": "the file has no bytes",
    "wrong_type": "not a JPEG, PNG or WebP file",
    "too_large": "more bytes or pixels than are decoded within the memory allowed",
    "truncated": "the file ends before the picture does",
    "damaged": "the file contradicts itself",
}
"""Why an image is refused; `missing` and `changed` may be otherwise the next night."""
MOST_BYTES = 20_000_000
MOST_PIXELS = 80_000_000
MOST_WORKING_BYTES = 128 * 2**20
MOST_SCANS = 500
"""A progressive JPEG is decoded once a scan; cameras write about ten."""
_WEBP_BYTES_PER_PIXEL = 17
"""Two canvases of the decoder, its answer and our copy, four bytes each; measured."""
_BAND_PIXELS = 2**20
_ORIENTATION = 0x0112
_BEGINNING = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)
_START_OF_SCAN, _END = b"\xff\xda", b"\xff\xd9"
_UNREADABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError),
    *(ZeroDivisionError, AttributeError, struct.error),
)
"""What Pillow raises for files that contradict themselves."""


class BadImageError(Exception):
    """An image that cannot be used; `reason` is one of `REASONS`, `detail` says what was found."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


def decode(data: bytes, size: int) -> np.ndarray:
    """Return an image as uint8 (size, size, 3), sRGB, padded to a square with white.

    Raises
    ------
    BadImageError
        `empty`, `wrong_type`, `too_large`, `truncated` or `damaged`.
    """
    _refuse_at_first_sight(data)
    try:
        # Pillow warns of EXIF that it passes over and of sizes that are refused here anyway.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(data), formats=FORMATS) as image,
        ):
            _refuse_too_large(image, data, size)
            upright = _upright(_reduced(image, size), image)
            rgb = _to_srgb(upright, image.info.get("icc_profile"))
            square = ImageOps.pad(rgb, (size, size), Image.Resampling.BILINEAR, color="white")
            return np.asarray(square, dtype=np.uint8)
    except (Image.DecompressionBombError, MemoryError) as error:
        raise BadImageError("too_large", str(error)) from None
    except _UNREADABLE as error:
        raise BadImageError(
            "truncated" if _is_cut(data, error) else "damaged", _said(error)
        ) from None


def _refuse_at_first_sight(data: bytes) -> None:
    if not data:
        raise BadImageError("empty")
    if len(data) > MOST_BYTES:
        raise BadImageError("too_large", f"{len(data):,} bytes")
    if _BEGINNING.match(data) is None:
        raise BadImageError("wrong_type", f"begins with {data[:12]!r}")
    # An upload that broke off may have been filled up with zeros, which decode to a grey area.
    if data.startswith(b"\xff\xd8") and data.find(_END, max(0, data.find(_START_OF_SCAN))) < 0:
        raise BadImageError("truncated", "no end of the picture")


def _is_cut(data: bytes, error: Exception) -> bool:
    is_short_webp = data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    has_no_header = isinstance(error, UnidentifiedImageError)
    return is_short_webp or has_no_header or "truncated" in str(error).lower()


def _said(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):  # it names an object in memory
        return "no whole header"
    return " ".join(str(error).split())[:200]


def _refuse_too_large(image: Image.Image, data: bytes, size: int) -> None:
    """Tell a JPEG decoder to give an eighth, if that suffices, and refuse what is still much."""
    width, height = image.size
    scans = _scan_count(image, data)
    coefficients = _coefficient_bytes(image) if scans > 1 else 0
    image.draft("RGB", (size, size))
    if image.format == "WEBP":
        needed = width * height * _WEBP_BYTES_PER_PIXEL + 2 * len(data)
    else:
        needed = image.width * image.height * 4 + coefficients
    if width * height > MOST_PIXELS or needed > MOST_WORKING_BYTES or scans > MOST_SCANS:
        kind = f"{image.format} of {scans} scans" if scans > 1 else image.format
        raise BadImageError("too_large", f"{width:,} × {height:,} pixels, {kind}")


def _scan_count(image: Image.Image, data: bytes) -> int:
    """Count the scans of a JPEG, at least: in its pixels the two bytes mean nothing else.

    Those in the thumbnail of a camera are not counted, those of a second picture are.
    """
    if image.format not in ("JPEG", "MPO"):
        return 0
    elsewhere = sum(content.count(_START_OF_SCAN) for _, content in getattr(image, "applist", []))
    return data.count(_START_OF_SCAN) - elsewhere


def _coefficient_bytes(image: Image.Image) -> int:
    """Return what libjpeg keeps of a JPEG of several scans: two bytes a sample, all of them."""
    factors = [across * down for _, across, down, *_ in getattr(image, "layer", [])] or [1]
    return 2 * image.width * image.height * sum(factors) // max(factors)


def _reduced(image: Image.Image, size: int) -> Image.Image:
    """Decode; return it opaque, RGB or CMYK, and at most a few times as large as `size`."""
    factor = max(1, max(image.size) // (2 * size))
    rows = factor * max(1, _BAND_PIXELS // (factor * image.width))
    if image.height <= rows:
        return _opaque(image).reduce(factor) if factor > 1 else _opaque(image)
    mode = "CMYK" if image.mode == "CMYK" else "RGB"
    whole = Image.new(mode, (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        whole.paste(_opaque(band).reduce(factor), (0, top // factor))
    return whole


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut instead of scale
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGB", layer.size, "white")
        paper.paste(layer, mask=layer.getchannel("A"))
        return paper
    return image.convert("CMYK" if image.mode == "CMYK" else "RGB")


def _upright(small: Image.Image, original: Image.Image) -> Image.Image:
    try:
        orientation = original.getexif().get(_ORIENTATION)
    except _UNREADABLE:
        return small
    if orientation not in range(2, 9):
        return small
    small.getexif()[_ORIENTATION] = orientation
    return ImageOps.exif_transpose(small)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    transform = _transform(profile, image.mode) if profile else None
    if transform is None:
        return image.convert("RGB")
    converted = ImageCms.applyTransform(image, transform)
    return image.convert("RGB") if converted is None else converted


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Shops use few profiles; None for one that cannot be read, or is of another colour space."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, *_UNREADABLE):
        return None
