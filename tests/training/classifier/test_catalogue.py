from datetime import datetime

from training.classifier.catalogue import (
    MISSING,
    Product,
    Task,
    data_interval,
    find_tasks,
    is_held_out,
    label_indices,
    read_catalogue,
)
from vitrine.interval import parse_instant

AS_OF: datetime = parse_instant("2026-01-02")


def test_the_catalogue_has_text_images_and_labels(shop):
    products = read_catalogue(shop.paths, AS_OF)
    assert [p.product_id for p in products] == sorted(p.product_id for p in products)
    first = products[0]
    assert first.text.startswith("Fine ")
    assert [image.path.name for image in first.images] == ["p_0_back.png", "p_0_front.png"]
    assert set(first.labels) <= {"coin", "colour", "kind"}


def test_nothing_is_known_before_it_was_received(shop):
    assert read_catalogue(shop.paths, parse_instant("2026-01-01")) == []
    assert data_interval(shop.paths, parse_instant("2026-01-01")) is None


def test_tasks_are_the_labels_that_differ():
    products = [
        Product("1", "", labels={"colour": "red", "always": "yes"}),
        Product("2", "", labels={"colour": "blue", "always": "yes"}),
        Product("3", "", labels={"colour": "red"}),
    ]
    assert find_tasks(products) == (Task("colour", ("blue", "red")),)


def test_a_label_that_is_absent_or_unknown_is_missing():
    tasks = (Task("colour", ("blue", "red")), Task("kind", ("bag", "boot")))
    product = Product("1", "", labels={"colour": "mauve"})
    assert label_indices(product, tasks).tolist() == [MISSING, MISSING]
    assert label_indices(Product("2", "", labels={"kind": "boot"}), tasks).tolist() == [MISSING, 1]


def test_the_hold_out_is_the_same_15_percent_for_ever():
    held_out = [n for n in range(20_000) if is_held_out(str(n))]
    assert 0.14 < len(held_out) / 20_000 < 0.16
    assert held_out[:7] == [9, 39, 46, 49, 50, 51, 55]
