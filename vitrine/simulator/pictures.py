"""Simple drawn photographs: the sub-sector's silhouette in the product's colour and pattern.

Front shows silhouette, pattern and the brand's badge, back the mirrored silhouette, detail a part
enlarged, with the texture of the material. Edges have the colour of the trim in all of them. What
is said of style, season and care shows in no picture. The same product gives the same bytes.
"""

from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw

from vitrine.simulator.catalogue import Product
from vitrine.simulator.vocabulary import COLOURS, SUB_SECTORS, TEXTURES, TRIMS

SIDE = 64
VIEWS = ("front", "back", "detail")
_BACKGROUND = (222, 220, 214)
_BADGE_WIDTH = 12
_EDGE_WIDTH = 2
Colour = tuple[int, ...]


def views(product: Product) -> tuple[str, ...]:
    """Name the views that were photographed of a product."""
    return VIEWS[: product.view_count]


def draw_png(product: Product, view: str, draws: np.random.Generator) -> bytes:
    """Draw one view, 64 × 64 pixels RGB, as PNG bytes."""
    jitter = draws.uniform(-0.04, 0.04, 2)
    shade = int(draws.integers(-14, 15))
    fill = tuple(int(np.clip(c + shade, 0, 255)) for c in COLOURS[product.colour])
    corners = _corners(product.sub_sector, view, jitter)
    mask = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    cloth = _cloth(fill, product.pattern if view != "back" else "plain")
    if view == "detail":
        cloth = _textured(cloth, product.material, draws)
    image = Image.new("RGB", (SIDE, SIDE), tuple(c + shade // 3 for c in _BACKGROUND))
    image.paste(cloth, mask=mask)
    pen = ImageDraw.Draw(image)
    if (trim := TRIMS[product.trim]) is not None:
        pen.line([*corners, corners[0]], fill=trim, width=_EDGE_WIDTH)
    if product.has_logo and view == "front":
        _badge(pen, mask)
    return _png(image)


def _corners(sub_sector: int, view: str, jitter: np.ndarray) -> list[tuple[float, float]]:
    zoom = 1.7 if view == "detail" else 0.94
    points = (np.array(SUB_SECTORS[sub_sector].silhouette) - 0.5 + jitter) * zoom + 0.5
    if view == "back":
        points[:, 0] = 1 - points[:, 0]
    return [(float(x), float(y)) for x, y in points * SIDE]


def _cloth(fill: Colour, pattern: str) -> Image.Image:
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


def _textured(cloth: Image.Image, material: str, draws: np.random.Generator) -> Image.Image:
    """Make the cloth lighter and darker as its material is from near."""
    y_HW, x_HW = np.mgrid[:SIDE, :SIDE]
    relief_HW = {
        "woven": 18.0 * ((x_HW // 2 + y_HW // 2) % 2) - 9,
        "twill": 26.0 * ((x_HW + y_HW) % 5 < 2) - 13,
        "fuzzy": draws.normal(0, 15, (SIDE, SIDE)),
        "grained": 16 * np.sin(y_HW * 0.9 + 2 * np.sin(x_HW * 0.25)),
        "shiny": 90 * np.exp(-(((x_HW - y_HW) / 9.0) ** 2)),
        "smooth": np.zeros((SIDE, SIDE)),
    }[_texture_of(material)]
    lit_HWC = np.asarray(cloth, np.float64) + relief_HW[:, :, None]
    return Image.fromarray(lit_HWC.clip(0, 255).astype(np.uint8))


def _texture_of(material: str) -> str:
    known = (texture for texture, materials in TEXTURES.items() if material in materials)
    return next(known, "smooth")


def _badge(pen: ImageDraw.ImageDraw, mask: Image.Image) -> None:
    """Put the badge where the product is widest, so that it never hangs in the air."""
    rows = np.asarray(mask).astype(bool)
    y = int(rows.sum(axis=1).argmax())
    x = int(np.median(np.flatnonzero(rows[y])))
    half = _BADGE_WIDTH // 2
    pen.rectangle((x - half, y - 4, x + half, y + 4), fill=(250, 250, 250), outline=(20, 20, 20))
    pen.line((x - half + 3, y, x + half - 3, y), fill=(20, 20, 20), width=2)


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
