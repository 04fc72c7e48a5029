import pyarrow as pa
import pytest
from PIL import Image

from email_lists import previews
from email_lists.composition import compose
from vitrine.interval import parse_instant

HEAD = {"night": "2026-03-02", "currency": "EUR"}


@pytest.fixture(scope="module")
def people(boutique):
    return compose(boutique).people


@pytest.fixture
def pictures(contract, tmp_path):
    """Two views of every product, in a landing folder."""
    landing = tmp_path / "landing"
    (landing / "images").mkdir(parents=True)
    rows = []
    for n in range(1, 21):
        for view, colour in (("back", (0, 0, n)), ("front", (n, 0, 0))):
            path = f"images/p{n:02}-{view}.png"
            Image.new("RGB", (4, 4), colour).save(landing / path)
            rows.append({"product_id": f"p{n:02}", "view": view, "path": path, "sha256": "0"})
    received = {"received_at": parse_instant("2026-01-01")}
    return landing, contract("product_images", *(row | received for row in rows))


def test_one_preview_per_segment_with_and_without_history(people, pictures, tmp_path):
    landing, images = pictures
    names = previews.write(people, images, landing, tmp_path / "out", HEAD)
    assert names == ["loyal-history.html", "prospect-no-history.html"]
    index = (tmp_path / "out" / "index.html").read_text()
    assert all(f'href="{name}"' in index for name in names)


def test_the_front_of_each_product_is_shown_and_lies_beside_the_page(people, pictures, tmp_path):
    landing, images = pictures
    [first, _] = previews.write(people, images, landing, tmp_path / "out", HEAD)
    page = (tmp_path / "out" / first).read_text()
    shown = [part.split('"')[0] for part in page.split('<img src="')[1:]]
    assert len(shown) == 7
    for src in shown:
        with Image.open(tmp_path / "out" / src) as picture:
            assert picture.getchannel("B").getextrema() == (0, 0), "the back is blue"


def test_a_missing_or_foreign_picture_is_left_out(people, contract, tmp_path):
    (tmp_path / "landing").mkdir()
    (tmp_path / "secret.png").write_bytes(b"secret")
    received = parse_instant("2026-01-01")
    rows = [
        {"product_id": f"p{n:02}", "view": "front", "path": path, "sha256": "0",
         "received_at": received}
        for n in range(1, 21)
        for path in ["../secret.png" if n % 2 else "images/gone.png"]
    ]  # fmt: skip
    images = contract("product_images", *rows)
    [first, _] = previews.write(people, images, tmp_path / "landing", tmp_path / "out", HEAD)
    assert "<img" not in (tmp_path / "out" / first).read_text()
    assert list((tmp_path / "out" / "images").iterdir()) == []


def test_names_are_escaped(people, contract, tmp_path):
    rows = people.to_pylist()
    for row in rows:
        for shown in row["products"] + row["campaigns"]:
            shown["name"] = shown["brand"] = "<script>alert('x')</script> {{ 7 * 7 }}"
            shown |= {"cause_name": "<b>bold</b>"} if "cause_name" in shown else {}
    evil = pa.Table.from_pylist(rows, schema=people.schema)
    names = previews.write(evil, contract("product_images"), tmp_path, tmp_path / "out", HEAD)
    for name in names:
        page = (tmp_path / "out" / name).read_text()
        assert "&lt;script&gt;" in page
        assert "<script" not in page
        assert "<b>bold" not in page
        assert "{{ 7 * 7 }}" in page


def test_pages_speak_the_customers_language(people, contract, tmp_path):
    [first, _] = previews.write(
        people, contract("product_images"), tmp_path, tmp_path / "out", HEAD
    )
    page = (tmp_path / "out" / first).read_text()
    assert '<html lang="fr">' in page
    assert "Choisis pour vous" in page
    assert "EUR" in page
