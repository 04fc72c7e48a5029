from dataclasses import replace
from datetime import date
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from vitrine.simulator.catalogue import Catalogue, Product, make_brands
from vitrine.simulator.pictures import SIDE, draw_png, views
from vitrine.simulator.shop import Shop
from vitrine.simulator.vocabulary import SUB_SECTORS, TEXTURES

SHOP = Shop.of_size(7, 100, date(2026, 3, 1))


@pytest.fixture(scope="module")
def product() -> Product:
    made = Catalogue(SHOP, make_brands(SHOP)).product(0, 0)
    return replace(
        made, colour="red", pattern="striped", material="cotton", trim="none", has_logo=False
    )


def draw(product: Product, view: str = "front") -> np.ndarray:
    png = draw_png(product, view, np.random.default_rng(0))
    assert png == draw_png(product, view, np.random.default_rng(0))
    return np.asarray(Image.open(BytesIO(png)))


def test_pictures_are_small_and_the_same_each_time(product):
    assert draw(product).shape == (SIDE, SIDE, 3)
    assert views(product) in (("front", "back"), ("front", "back", "detail"))


def test_each_label_and_view_changes_the_picture(product):
    pictures = [
        draw(product),
        draw(replace(product, colour="blue")),
        draw(replace(product, pattern="plain")),
        draw(replace(product, trim="violet")),
        draw(replace(product, has_logo=True)),
        draw(product, "back"),
        draw(product, "detail"),
        draw(replace(product, material="wool"), "detail"),
    ]
    pictures += [
        draw(replace(product, sub_sector=n))
        for n in range(len(SUB_SECTORS))
        if n != product.sub_sector
    ]
    assert len({p.tobytes() for p in pictures}) == len(pictures)


def test_a_view_hides_what_the_camera_would_not_see(product):
    badged = replace(product, has_logo=True)
    assert np.array_equal(draw(badged, "back"), draw(product, "back"))
    assert np.array_equal(draw(replace(product, material="wool")), draw(product))


def test_every_texture_is_that_of_a_material_that_products_have():
    materials = {material for sub in SUB_SECTORS for material in sub.materials}
    assert all(set(of_texture) <= materials for of_texture in TEXTURES.values())
