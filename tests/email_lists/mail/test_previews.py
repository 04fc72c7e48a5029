from html.parser import HTMLParser
from typing import Any

import pytest
from PIL import Image

from email_lists.mail import previews
from email_lists.mail.rendering import Renderer
from tests.email_lists.written import people, person, product
from vitrine.interval import parse_instant
from vitrine.list_policy import Sender

RECEIVED = {"received_at": parse_instant("2026-01-01")}
SEVEN = [product(n) for n in range(1, 8)]
NAMES = ["a1", "a2", "a3", "a4", "b1", "c1", "d1"]


@pytest.fixture
def landing(tmp_path):
    folder = tmp_path / "landing"
    (folder / "images").mkdir(parents=True)
    return folder


@pytest.fixture
def pictures(contract, landing):
    """Two views of every product: blue backs and red fronts."""
    rows = []
    for n in range(1, 8):
        for view, colour in (("back", (0, 0, n)), ("front", (n, 0, 0))):
            path = f"images/p{n:02}-{view}.png"
            Image.new("RGB", (4, 4), colour).save(landing / path)
            rows.append({"product_id": f"p{n:02}", "view": view, "path": path, "sha256": "0"})
    return contract("product_images", *(row | RECEIVED for row in rows))


def written(rows, images, landing, own=None):
    out = landing.parent / "out"
    renderer = Renderer(Sender(), "EUR", own)
    names = previews.write(people(rows), images, landing, out, "2026-03-02", renderer)
    return out, names


class Sources(HTMLParser):
    """Where a page's links and pictures lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src")]


def test_each_segment_strategy_and_language_has_its_fullest_and_its_sparest(contract, landing):
    rows = [
        person("a1", products=SEVEN[:3]),
        person("a2", products=SEVEN),
        person("a3", products=SEVEN),
        person("a4", products=[], campaigns=[]),
        person("b1", language="en", country="GB", products=SEVEN[:6]),
        person("c1", strategy="premium"),
        person("d1", segment="prospect", strategy="popular", has_history=False),
    ]
    out, names = written(rows, contract("product_images"), landing)
    shown = {
        name: next(c for c in NAMES if f"letter-to-{c}" in page)
        for name in names
        for page in [(out / name).read_text()]
    }
    assert shown == {
        "loyal-premium-fr.html": "c1",
        "loyal-selection-fr.html": "a2",
        "loyal-selection-en.html": "b1",
        "loyal-selection-fr-sparest.html": "a4",
        "prospect-popular-fr.html": "d1",
    }


def test_the_page_leads_to_each_as_html_and_plain_text_and_shows_pictures(pictures, landing):
    out, _ = written([person("anna", products=SEVEN)], pictures, landing)
    found = Sources((out / "index.html").read_text()).found
    assert {name for name in found if not name.startswith("images/")} == {
        "loyal-selection-fr.html",
        "loyal-selection-fr.txt",
    }
    assert all((out / name).is_file() for name in found)
    assert sum(name.startswith("images/") for name in found) == previews.STRIP
    assert "Kiln et d’autres, choisis pour vous" in (out / "index.html").read_text()
    assert "Votre sélection du jour" in (out / "loyal-selection-fr.txt").read_text()


def test_the_front_of_each_product_is_shown_and_lies_beside_the_page(pictures, landing):
    out, [name] = written([person(products=SEVEN)], pictures, landing)
    shown = [src for src in Sources((out / name).read_text()).found if src.startswith("images/")]
    assert len(shown) == 7
    for src in shown:
        with Image.open(out / src) as picture:
            assert picture.getchannel("B").getextrema() == (0, 0), "the back is blue"


def test_a_missing_or_foreign_picture_is_left_out(contract, landing):
    (landing.parent / "secret.png").write_bytes(b"secret")
    (landing / "images" / "page.html").write_text("no picture")
    paths = ["../secret.png", "images/gone.png", "images/page.html", "images"]
    rows = [
        {"product_id": f"p{n:02}", "view": "front", "path": path, "sha256": "0"} | RECEIVED
        for n, path in enumerate(paths, 1)
    ]
    images = contract("product_images", *rows)
    out, [name] = written([person(products=SEVEN[:4])], images, landing)
    assert "<img" not in (out / name).read_text()
    assert list((out / "images").iterdir()) == []


def test_names_are_escaped_on_the_page_too(contract, landing):
    evil: dict[str, Any] = {
        "name": "<script>alert('x')</script> {{ 7 * 7 }}",
        "brand": "<b>{{ 7 * 7 }}</b>",
    }
    row = person("<b>id", segment="../x", products=[product(**evil)], campaigns=[])
    out, [name] = written([row], contract("product_images"), landing)
    assert name == "___x-selection-fr.html"
    index = (out / "index.html").read_text()
    assert "<script" not in index
    assert "<b>" not in index
    assert "49" not in index


def test_nobody_on_the_list_is_a_page_too(contract, landing):
    out, names = written([], contract("product_images"), landing)
    assert names == []
    assert "Nobody is on the list." in (out / "index.html").read_text()
