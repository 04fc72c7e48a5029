from datetime import date, datetime

import pyarrow as pa

from training.classifier.catalogue import (
    Part,
    Product,
    Task,
    answers,
    data_interval,
    find_tasks,
    label_numbers,
    newest_descriptions,
    newest_photographs,
    part_of,
    read_catalogue,
)
from vitrine import lake
from vitrine.interval import DAY, Interval, parse_instant

AS_OF: datetime = parse_instant("2026-01-02")


def test_the_catalogue_has_text_images_and_labels(shop):
    products = read_catalogue(shop.paths, AS_OF)
    assert [p.product_id for p in products] == sorted(p.product_id for p in products)
    first = products[0]
    assert first.text.startswith("Fine ")
    assert [image.path.name for image in first.images] == ["p_0_back.png", "p_0_front.png"]
    assert set(first.labels) <= {"coin", "colour", "kind"}


def test_rows_of_some_products_are_those_among_the_rows_of_all(shop):
    some = ["p_7", "p_12", "absent"]
    for newest in (newest_descriptions, newest_photographs):
        of_all = newest(shop.paths, AS_OF)
        assert newest(shop.paths, AS_OF, some) == [r for r in of_all if r["product_id"] in some]
        assert {r["product_id"] for r in newest(shop.paths, AS_OF, some)} == {"p_7", "p_12"}
        assert newest(shop.paths, parse_instant("2026-01-01"), some) == []


def test_nothing_is_known_before_it_was_received(shop):
    assert read_catalogue(shop.paths, parse_instant("2026-01-01")) == []
    assert data_interval(shop.paths, parse_instant("2026-01-01")) is None


def test_what_is_known_ends_with_what_was_received(shop):
    whole = Interval.of_day(date(2026, 1, 1))
    for later in ("2026-01-02", "2026-01-09", "2027-01-01"):
        assert data_interval(shop.paths, parse_instant(later)) == whole
    noon = parse_instant("2026-01-01T12:00")
    assert data_interval(shop.paths, noon) == Interval(whole.start, noon)


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
    assert label_numbers(product, tasks).shape == (0, 2)
    assert label_numbers(Product("2", "", labels={"kind": "boot"}), tasks).tolist() == [[1, 1]]


def test_several_answers_make_a_task_a_multi_label_one():
    products = [
        Product("1", "", labels={"made_of": "linen", "colour": "red"}),
        Product("2", "", labels={"made_of": "silk | cotton||silk", "colour": "blue"}),
    ]
    tasks = find_tasks(products)
    made_of = Task("made_of", ("cotton", "linen", "silk"), is_multi_label=True)
    assert tasks == (Task("colour", ("blue", "red")), made_of)
    assert label_numbers(products[1], tasks).tolist() == [[0, 0], [1, 0], [1, 2]]
    assert made_of.numbers("silk|moss|cotton") == [0, 2]
    assert made_of.label([2, 0]) == "cotton|silk"


def test_several_answers_to_a_task_with_one_are_no_answer():
    assert Task("colour", ("blue", "red")).numbers("blue|red") == []


def test_an_empty_label_has_no_answer():
    assert answers("") == answers(" | ") == ()
    assert Task("colour", ("blue", "red")).numbers(None) == []


def test_what_a_product_is_for_is_the_same_for_ever():
    parts = [part_of(str(n)) for n in range(20_000)]
    share = {part: parts.count(part) / len(parts) for part in Part}
    assert 0.14 < share[Part.HELD_OUT] < 0.16
    assert 0.09 < share[Part.TUNING] < 0.11
    held_out = [n for n, part in enumerate(parts) if part is Part.HELD_OUT]
    assert held_out[:7] == [9, 39, 46, 49, 50, 51, 55]


def test_what_is_seen_is_as_old_as_its_last_change(make_shop):
    """Neither a row that is delivered again nor another label makes it younger."""
    shop = make_shop(1)
    first = read_catalogue(shop.paths, AS_OF)[0]
    received = first.seen_since
    assert received is not None
    rows = [row for row in newest_descriptions(shop.paths, AS_OF) if row["product_id"] == "p_0"]
    days = [parse_instant(f"2026-01-{day}") for day in ("03", "04", "05", "06")]
    texts = [rows[0]["name"], "Fine new boot", "Fine new boot", rows[0]["name"]]
    found = []
    for day, text in zip(days, texts, strict=True):
        later = rows[0] | {"name": text, "attributes": [("colour", day.isoformat())]}
        later |= {"received_at": day}
        del later["seen_since"]
        schema = lake.read(shop.paths.lake, "products", Interval(AS_OF - DAY, AS_OF)).schema
        table = pa.Table.from_pylist([later], schema=schema)
        lake.write_partition(shop.paths.lake, "products", Interval(day, day + DAY), table)
        found.append(read_catalogue(shop.paths, day + DAY)[0].seen_since)
    assert found == [received, days[1], days[1], days[3]]
