"""A page of pictures: a product and what is like it, in one HTML file that needs no other."""

import base64
import io
from pathlib import Path

import jinja2
from PIL import Image

from training.classifier.images import BadImageError, decode
from training.classifier.similarity import Article, Likeness, provenance
from vitrine.publish import atomic_file

TEMPLATES = Path(__file__).parent / "templates"
SIDE = 240
"""Pixels of a picture's side, enough for a card on a sharp screen."""
QUALITY = 80


def write(likeness: Likeness, target: Path) -> None:
    """Write the page: names escaped, pictures as small JPEGs within, nothing fetched.

    Pictures are made one at a time; a product whose photographs cannot be used has none.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template("similar.html").stream(
        likeness=likeness, provenance=provenance(likeness), thumbnail=thumbnail
    )
    with atomic_file(target) as path:
        page.dump(str(path), encoding="utf-8")


def thumbnail(article: Article) -> str | None:
    """Return an article's first usable photograph as a `data:` address of a JPEG, or None."""
    for image in article.images:
        try:
            pixels = decode(image.read(), SIDE)
        except BadImageError:
            continue
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY, optimize=True)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    return None
