from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from email_lists.composition import compose
from email_lists.slates import promises
from vitrine.interval import midnight
from vitrine.letters import LETTERS
from vitrine.list_policy import DEFAULT_LIST

NIGHT = date(2026, 3, 2)


def publish(
    root: Path,
    name: str,
    night: date,
    shown: list[list[tuple[str, str, float]]],
    places_of_k1: float = 0.0,
) -> None:
    """Write a published list's letters, each with these campaigns, products and chances."""
    folder = root / name / night.isoformat() / "20260302T033000Z"
    folder.mkdir(parents=True)
    letters = [
        {
            "message_id": f"{name} {n}",
            "customer_id": f"U{n}",
            "list": name,
            "night": night,
            "send_at": midnight(night),
            "local_day": night,
            "strategy": "popular",
            "arm": "standard",
            "arm_propensity": 1.0,
            "campaigns": [],
            "products": [
                {"campaign_id": campaign, "product_id": product, "probability": chance}
                for campaign, product, chance in products
            ],
        }
        for n, products in enumerate(shown)
    ]
    pq.write_table(pa.Table.from_pylist(letters, LETTERS.schema), folder / "letters.parquet")
    scarcity = {
        "campaign_id": ["k1", "k1", "k2"],
        "product_id": ["p1", None, None],
        "expected_units": [0.75, places_of_k1, 0.0],
    }
    pq.write_table(pa.table(scarcity), folder / "scarcity.parquet")
    (folder.parent / "current").symlink_to(folder)


def test_the_same_nights_letters_are_summed_by_list(tmp_path):
    assert promises.of_night(tmp_path, NIGHT).num_rows == 0
    publish(
        tmp_path, "daily", NIGHT, [[("k1", "p1", 0.5), ("k1", "p2", 0.25)], [("k1", "p1", 0.25)]]
    )
    publish(tmp_path, "evening", NIGHT, [[("k2", "p1", 0.125)], []])
    publish(tmp_path, "daily", date(2026, 3, 1), [[("k1", "p1", 0.5)]])
    found = promises.of_night(tmp_path, NIGHT)
    assert [tuple(row.values()) for row in found.to_pylist()] == [
        ("daily", "k1", "p1", 0.75),
        ("daily", "k1", "p2", 0.25),
        ("evening", "k2", "p1", 0.125),
    ]
    offers = pa.table({"campaign_id": ["k2", "k1", "k9"], "product_id": ["p1", "p1", "p1"]})
    for name, units in (("daily", [0.125, 0, 0]), ("evening", [0, 0.75, 0])):
        assert promises.units_of(promises.by_others(found, name), offers).tolist() == units
    assert promises.units_of(promises.NOTHING, offers).tolist() == [0, 0, 0]


def test_what_places_of_campaigns_promise_is_taken_off_their_products(tmp_path):
    publish(tmp_path, "evening", NIGHT, [[("k1", "p1", 0.5)]], places_of_k1=3.0)
    promised = promises.of_night(tmp_path, NIGHT)
    told = [tuple(row.values()) for row in promised.to_pylist()]
    assert told == [("evening", "k1", "p1", 0.5), ("evening", "k1", None, 3.0)]
    assert promises.units_of_campaigns(promised, pa.array(["k2", "k1"])).tolist() == [0, 3.5]
    offers = pa.table({"campaign_id": ["k1", "k1", "k2"], "product_id": ["p1", "p2", "p1"]})
    assert promises.units_of(promised, offers).tolist() == [0.5, 0, 0]
    room_O = np.array([8.0, 4.0, np.inf])
    assert promises.rooms_left(room_O, promised, offers).tolist() == [6, 3, np.inf]
    assert promises.rooms_left(room_O / 8, promised, offers).tolist() == [0, 0, np.inf]


SHOWN = pa.table({"products": [[{"campaign_id": "k1", "product_id": "p1", "probability": 1.0}]]})


@pytest.mark.parametrize(
    ("own_places", "others", "over"),
    [
        (2.0, [("k1", "p1", 1.0), ("k1", None, 3.0)], []),
        (2.1, [("k1", "p1", 1.0), ("k1", None, 3.0)], [("k1", None)]),
        (2.0, [("k1", "p1", 2.1), ("k1", None, 1.0)], [("k1", "p1")]),
        (2.0, [("k1", "p2", 2.5), ("k1", None, 1.6)], [("k1", None)]),
        (9.0, [("k2", None, 9.0)], []),
    ],
)
def test_a_campaign_is_over_where_all_its_places_together_are(own_places, others, over):
    """Three pieces of p1, four of p2; the list shows p1 once, and the campaign beside."""
    scarcity = pa.table(
        {
            "campaign_id": ["k1"] * 3,
            "product_id": ["p1", "p2", None],
            "stock_left": [3, 4, 7],
            "expected_units": [1.0, 0.0, own_places],
        }
    )
    names = ("campaign_id", "product_id", "expected_units")
    promised = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in others])
    assert promises.over(promised, SHOWN, scarcity, 1.0) == over


@pytest.mark.parametrize(("promising", "is_shown"), [("evening", False), (DEFAULT_LIST, True)])
def test_what_another_list_promised_is_not_promised_again(boutique, to_all, promising, is_shown):
    """A list that is made again does not count against itself."""
    usual = compose(boutique, to_all, DEFAULT_LIST).products.to_pylist()
    product = usual[0]["product_id"]
    promised = pa.table(
        {
            "list": [promising],
            "campaign_id": [usual[0]["campaign_id"]],
            "product_id": [product],
            "expected_units": np.array([50.0]),
        }
    )
    known = replace(boutique, promised=promised)
    shown = compose(known, to_all, DEFAULT_LIST).products["product_id"].to_pylist()
    assert (product in shown) == is_shown
