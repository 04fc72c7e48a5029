"""Simple drawn photographs: the sub-sector's silhouette in the product's colour and pattern.

Front shows silhouette and pattern, back the mirrored silhouette, detail a part enlarged. The same
product gives the same bytes.
"""

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from vitrine.simulator.catalogue import Product
from vitrine.simulator.vocabulary import COLOURS, SUB_SECTORS

SIDE = 64
VIEWS = ("front", "back", "detail")
_BACKGROUND = (222, 220, 214)


def views(product: Product) -> tuple[str, ...]:
    """Name the views that were photographed of a product."""
    return VIEWS[: product.view_count]


def draw_png(product: Product, view: str, draws: np.random.Generator) -> bytes:
    """Draw one view, 64 × 64 pixels RGB, as PNG bytes."""
    jitter = draws.uniform(-0.04, 0.04, 2)
    shade = int(draws.integers(-14, 15))
    fill = tuple(int(np.clip(c + shade, 0, 255)) for c in COLOURS[product.colour])
    mask = _silhouette(product.sub_sector, view, jitter)
    cloth = _cloth(fill, product.pattern if view != "back" else "plain")
    image = Image.new("RGB", (SIDE, SIDE), tuple(c + shade // 3 for c in _BACKGROUND))
    image.paste(cloth, mask=mask)
    buffer = BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def _silhouette(sub_sector: int, view: str, jitter: np.ndarray) -> Image.Image:
    zoom = 1.7 if view == "detail" else 0.94
    points = (np.array(SUB_SECTORS[sub_sector].silhouette) - 0.5 + jitter) * zoom + 0.5
    if view == "back":
        points[:, 0] = 1 - points[:, 0]
    mask = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in points * SIDE], fill=255)
    return mask


def _cloth(fill: tuple[int, ...], pattern: str) -> Image.Image:
    cloth = Image.new("RGB", (SIDE, SIDE), fill)
    pen = ImageDraw.Draw(cloth)
    mark = tuple((c + (255 if sum(fill) < 380 else 0)) // 2 for c in fill)
    for at in range(0, SIDE, 8):
        if pattern in ("striped", "checked"):
            pen.rectangle((0, at, SIDE, at + 2), fill=mark)
        if pattern == "checked":
            pen.rectangle((at, 0, at + 2, SIDE), fill=mark)
        if pattern == "dotted":
            for x in range((at // 8 % 2) * 4, SIDE, 8):
                pen.ellipse((x, at, x + 3, at + 3), fill=mark)
    return cloth
