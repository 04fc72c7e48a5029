"""The lists' reading end, on a warehouse that dbt built and that knows more than the list may."""

import json
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from email_lists import inputs
from email_lists.commands import lists
from vitrine import lake
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, parse_instant
from vitrine.settings import load_settings
from vitrine.transform import dbt, publication

pytestmark = pytest.mark.slow

FEBRUARY, SUNDAY = parse_instant("2026-02-10"), parse_instant("2026-03-01T12:00:00Z")
AFTER_MIDNIGHT = parse_instant("2026-03-02T02:00:00Z")
AFTER = parse_instant("2026-03-02T04:00:00Z")
HISTORY = Interval.parse("2026-02-10", "2026-03-03")


def customer(name, received, language="fr"):
    return {
        "customer_id": name,
        "signed_up_at": FEBRUARY,
        "country": "FR",
        "language": language,
        "timezone": "Europe/Paris",
        "demographic_cluster": "female:25-34:FR",
        "received_at": received,
    }


def campaign(name, received, opens):
    return {
        "campaign_id": name,
        "brand": f"brand of {name}",
        "business_type": "flash_sale",
        "sector": "home",
        "sub_sector": "x",
        "country": "FR",
        "timezone": "Europe/Paris",
        "opens_at": parse_instant(opens),
        "closes_at": parse_instant("2026-03-05"),
        "received_at": received,
    }


def product(name):
    return {
        "product_id": name,
        "name": f"the {name}",
        "brand": f"brand of {name}",
        "sector": "home",
        "sub_sector": "x",
        "list_price": 20.0,
        "attributes": [],
        "received_at": FEBRUARY,
    }


def on_sale(campaign_id, product_id, stock, price=9.5):
    return {
        "campaign_id": campaign_id,
        "product_id": product_id,
        "price": price,
        "initial_stock": stock,
        "received_at": FEBRUARY,
    }


def sale(order, who, product_id, received):
    return {
        "order_id": order,
        "line": 1,
        "customer_id": who,
        "product_id": product_id,
        "campaign_id": "k1",
        "quantity": 1,
        "unit_price": 9.5,
        "channel": "web",
        "kind": "sale",
        "occurred_at": received,
        "received_at": received,
    }


def suppression(number, received, **who):
    return {
        "suppression_id": f"s{number}",
        "reason": "complaint",
        "suppressed_at": received,
        "received_at": received,
    } | who


@pytest.fixture(scope="module")
def installation(tmp_path_factory, contract, agreed):
    """A home whose warehouse is built up to a day after the list's instant."""
    home = tmp_path_factory.mktemp("home")
    made = Installation(load_settings({"VITRINE_HOME": str(home), "VITRINE_SOURCE": "flash_sale"}))
    tables = {
        "customers": [
            customer("anna", FEBRUARY),
            customer("anna", AFTER_MIDNIGHT, "de"),
            customer("anna", AFTER, "es"),
            customer("ben", FEBRUARY),
            customer("late", AFTER),
        ],
        "products": [product(f"p{n}") for n in range(1, 9)],
        "campaigns": [
            campaign("k1", FEBRUARY, "2026-03-01T06:00:00Z"),
            campaign("k2", FEBRUARY, "2026-03-02T06:00:00Z"),
            campaign("k3", AFTER, "2026-03-02T06:00:00Z"),
        ],
        "campaign_products": [
            *(on_sale("k1", f"p{n}", 1 if n == 2 else 5) for n in range(1, 8)),
            on_sale("k2", "p8", 7),
        ],
        "orders": [
            sale("o1", "anna", "p2", SUNDAY),
            sale("o2", "anna", "p1", AFTER_MIDNIGHT),
            sale("o3", "ben", "p1", AFTER),
        ],
        "consents": [
            agreed("anna", True, "2026-02-10"),
            agreed("ben", True, "2026-02-10"),
            agreed("ben", False, "2026-03-02T04:00:00Z"),
        ],
        "suppressions": [
            suppression(1, FEBRUARY, customer_id="ben"),
            suppression(2, FEBRUARY, email_address="x@example.org"),
            suppression(3, AFTER, customer_id="anna"),
        ],
        "contacts": [
            {"customer_id": c, "email_address": f"{c}@example.org", "received_at": FEBRUARY}
            for c in ("anna", "ben")
        ],
    }
    for name, rows in tables.items():
        for day in sorted({row["received_at"].date() for row in rows}):
            received = [row for row in rows if row["received_at"].date() == day]
            lake.write_partition(
                made.paths.lake, name, Interval.of_day(day), contract(name, *received)
            )
    for layer in dbt.LAYERS:
        dbt.build_layer(made, "daily", layer, HISTORY)
    publication.publish_build(made, "daily", HISTORY)
    return made


@pytest.fixture(scope="module")
def scored(installation, as_of):
    """The same home with scores as of the list's instant."""
    folder = installation.paths.scores / "versions" / "20260302T0330"
    folder.mkdir(parents=True)
    rows = [{"customer_id": "anna", "campaign_id": "k2", "score": 0.5, "rank": 1}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "campaign_scores.parquet")
    manifest = {"model": "ranker", "version": 1, "as_of": "2026-03-02T03:30:00Z"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return installation


def test_without_scores_it_says_what_to_run(installation, as_of):
    with pytest.raises(
        NotPublishedError, match=r"run `vitrine score --as-of 2026-03-02T03:31:00Z`"
    ):
        inputs.read(installation, as_of + timedelta(minutes=1))


def test_before_the_first_data_is_a_bad_argument(installation):
    with pytest.raises(BadArgumentError, match="it begins at 2026-02-10T00:00:00Z"):
        inputs.read(installation, FEBRUARY - DAY)


def test_a_warehouse_that_is_too_old_is_refused(installation, as_of):
    with pytest.raises(NotPublishedError, match="is built up to 2026-03-03T00:00:00Z"):
        inputs.read(installation, as_of + 2 * DAY)


def test_nothing_received_later_is_known(scored, as_of):
    known = inputs.read(scored, as_of)
    customers = {row["customer_id"]: row for row in known.customers.to_pylist()}
    assert customers.keys() == {"anna", "ben"}
    assert customers["anna"]["language"] == "de"
    assert known.campaigns["campaign_id"].to_pylist() == ["k1", "k2"]
    assert known.consents is not None
    assert all(row["is_granted"] for row in known.consents.to_pylist())
    assert known.suppressions["suppression_id"].to_pylist() == ["s1"]


def test_order_lines_are_known_when_their_day_is_published(scored, as_of):
    assert inputs.read(scored, as_of).sales["order_id"].to_pylist() == ["o1"]


def test_supply_is_what_is_left_and_what_opens_later(scored, as_of):
    supply = {
        row["product_id"]: (row["campaign_id"], row["stock_left"], row["price"])
        for row in inputs.read(scored, as_of).supply.to_pylist()
    }
    assert "p2" not in supply, "its one piece is sold"
    assert supply["p1"] == ("k1", 4, 9.5)
    assert supply["p8"] == ("k2", 7, 9.5)


def test_embeddings_are_taken_when_they_knew_no_more_than_the_list(scored, as_of):
    assert inputs.read(scored, as_of).provenance["similarity"] == {"vectors": "words"}
    folder = scored.paths.embeddings / "current"
    folder.mkdir(parents=True)
    rows = [{"product_id": "p1", "model_version": 2, "embedding": [0.6, 0.8]}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "product_embeddings.parquet")
    for data_end, expected in (("2026-03-01T00:00:00Z", "embeddings"), ("2026-03-03", "words")):
        (folder / "manifest.json").write_text(json.dumps({"version": 2, "data_end": data_end}))
        assert inputs.read(scored, as_of).provenance["similarity"]["vectors"] == expected


def test_the_commands_take_a_night_from_the_warehouse_to_the_screen(scored, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(scored.paths.home))
    monkeypatch.setenv("VITRINE_SOURCE", "flash_sale")
    night = ["--as-of", "2026-03-02T03:30:00Z"]

    def run(*arguments):
        return CliRunner().invoke(lists, [*arguments, *night], catch_exceptions=False).output

    assert "1 of 2 customers are listed" in run("build")
    # Anna's complaint came after the list was built, and before it was handed over.
    assert "customers: 0 listed of 2 known" in run("publish")
    shown = run("show", "--customer", "anna")
    assert "anna is not written to: suppressed_complaint" in shown
    assert "model: ranker version 1" in shown
    with pytest.raises(BadArgumentError, match="no customer 'late' was known"):
        run("show", "--customer", "late")
