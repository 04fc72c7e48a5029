"""The lists' reading end, on warehouses that dbt built: of the night, and of a day later."""

import json
import os
import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from email_lists import inputs, replay
from email_lists.commands import explain, lists
from email_lists.composition import compose
from email_lists.handover import staged
from email_lists.people import SCHEMA
from email_lists.slates import calibration
from expectations.commands import check
from vitrine import deltas, lake
from vitrine.champions import Entry, Ledger
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, midnight, parse_instant
from vitrine.list_policy import Holdout, ListPolicy, ListRules
from vitrine.settings import load_settings
from vitrine.transform import dbt, publication

pytestmark = pytest.mark.slow

FEBRUARY, SUNDAY = parse_instant("2026-02-10"), parse_instant("2026-03-01T12:00:00Z")
AFTER_MIDNIGHT = parse_instant("2026-03-02T02:00:00Z")
AFTER = parse_instant("2026-03-02T04:00:00Z")
NIGHT = Interval.parse("2026-02-10", "2026-03-02")
A_DAY_LATER = Interval.parse("2026-02-10", "2026-03-03")


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


def mail(kind, who, received):
    return {
        "message_id": f"newsletter to {who}",
        "customer_id": who,
        "kind": kind,
        "occurred_at": received,
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


def on_sale(campaign_id, product_id, stock, price=9.5, received=FEBRUARY):
    return {
        "campaign_id": campaign_id,
        "product_id": product_id,
        "price": price,
        "initial_stock": stock,
        "received_at": received,
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


def count(product_id, left, received):
    return {
        "product_id": product_id,
        "location": "north",
        "quantity": left,
        "occurred_at": received,
        "received_at": received,
    }


def bought(who, day):
    measures = [column.name for column in deltas.USER_DAYS.columns[2:-1]]
    return (
        {"customer_id": who, "occurred_on": day, "ds": day}
        | dict.fromkeys(measures, 0)
        | {"order_count": 1, "unit_count": 1, "turnover": 9.5}
    )


@pytest.fixture(scope="module")
def tables(agreed):
    """Contract tables, received before the list's midnight, in the night and after it."""
    return {
        "customers": [
            customer("anna", FEBRUARY),
            customer("anna", AFTER_MIDNIGHT, "de"),
            customer("anna", AFTER, "es"),
            customer("ben", FEBRUARY) | {"birth_year": 1980},
            customer("ben", AFTER_MIDNIGHT) | {"birth_year": 2020},
            customer("cleo", FEBRUARY),
            customer("late", AFTER_MIDNIGHT),
        ],
        "products": [product(f"p{n}") for n in range(1, 9)]
        + [product("p9") | {"name": "the p1 again"}]
        + [product("p1") | {"name": "another name", "received_at": AFTER_MIDNIGHT}],
        "campaigns": [
            campaign("k1", FEBRUARY, "2026-03-01T06:00:00Z"),
            campaign("k2", FEBRUARY, "2026-03-02T06:00:00Z"),
            campaign("k3", AFTER_MIDNIGHT, "2026-03-02T06:00:00Z"),
            campaign("k4", SUNDAY, "2026-03-03T06:00:00Z"),
            campaign("k5", AFTER_MIDNIGHT, "2026-03-03T06:00:00Z"),
        ],
        "campaign_products": [
            *(on_sale("k1", f"p{n}", 1 if n == 2 else 5) for n in range(1, 7)),
            on_sale("k1", "p7", None),
            on_sale("k2", "p8", 7),
            on_sale("k2", "p9", 7),
            on_sale("k4", "p5", 7, received=SUNDAY),
            on_sale("k5", "p6", 7, received=AFTER_MIDNIGHT),
            on_sale("k1", "p3", 5, price=4.5, received=AFTER_MIDNIGHT),
        ],
        "stock_levels": [count("p7", 3, SUNDAY), count("p7", 0, AFTER_MIDNIGHT)],
        "orders": [
            sale("o1", "anna", "p2", SUNDAY),
            sale("o2", "cleo", "p1", AFTER_MIDNIGHT),
            sale("o3", "ben", "p1", AFTER),
        ],
        "consents": [
            agreed("anna", True, "2026-02-10"),
            agreed("ben", True, "2026-02-10"),
            agreed("cleo", True, "2026-02-10"),
            agreed("cleo", False, "2026-03-02T02:00:00Z"),
            agreed("ben", False, "2026-03-02T04:00:00Z"),
        ],
        "suppressions": [
            suppression(1, FEBRUARY, customer_id="ben"),
            suppression(2, FEBRUARY, email_address="x@example.org"),
            suppression(3, AFTER_MIDNIGHT, customer_id="anna"),
        ],
        "email_events": [
            mail("sent", "anna", SUNDAY),
            mail("opened", "anna", SUNDAY + timedelta(hours=1)),
            mail("opened", "anna", SUNDAY + timedelta(hours=2)),
            mail("complained", "cleo", SUNDAY),
            mail("complained", "anna", AFTER_MIDNIGHT),
            mail("opened", "cleo", AFTER_MIDNIGHT),
            mail("sent", "cleo", AFTER_MIDNIGHT),
        ],
        "contacts": [
            {"customer_id": c, "email_address": f"{c}@example.org", "received_at": FEBRUARY}
            for c in ("anna", "ben", "cleo")
        ],
    }


def build(made, tables, contract, until):
    """Land and publish what was received before the end of an interval."""
    for name, rows in tables.items():
        for day in sorted({row["received_at"].date() for row in rows}):
            if midnight(day) < until.end:
                received = [row for row in rows if row["received_at"].date() == day]
                lake.write_partition(
                    made.paths.lake, name, Interval.of_day(day), contract(name, *received)
                )
    for who, moment in (("anna", SUNDAY), ("cleo", AFTER)):
        if moment < until.end:
            rows = [bought(who, moment.date())]
            schema = deltas.USER_DAYS.schema
            lake.write_partition(
                made.paths.deltas,
                "user_days",
                Interval.of_day(moment.date()),
                pa.Table.from_pylist(rows, schema=schema),
            )
    dbt.build_layers(made, "daily", until)
    publication.publish_build(made, "daily", until)


def staged_bytes(made, as_of):
    known = inputs.read(made, as_of)
    composed = compose(known, ListPolicy(holdout=Holdout(share=0)), "daily")
    folder = staged.write(made.paths.staged_list("daily", as_of), composed, known.provenance)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def nights(tmp_path_factory, contract, tables, as_of):
    """A home with scores, built for the night and a day later; the list that each build gave."""
    home = tmp_path_factory.mktemp("home")
    made = Installation(load_settings({"VITRINE_HOME": str(home), "VITRINE_SOURCE": "flash_sale"}))
    folder = made.paths.scores / "versions" / "20260302T0330"
    folder.mkdir(parents=True)
    rows = [{"customer_id": c, "campaign_id": "k2", "score": 0.5} for c in ("anna", "cleo")]
    pq.write_table(pa.Table.from_pylist(rows), folder / "campaign_scores.parquet")
    manifest = {"model": "ranker", "version": 1, "as_of": "2026-03-02T03:30:00Z"}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    lists_built = []
    for until in (NIGHT, A_DAY_LATER):
        build(made, tables, contract, until)
        lists_built.append(staged_bytes(made, as_of))
    return made, *lists_built


@pytest.fixture(scope="module")
def scored(nights):
    """A home whose warehouse is built up to a day after the list's night."""
    return nights[0]


@pytest.fixture(scope="module")
def installation(nights):
    return nights[0]


def test_a_night_that_is_built_again_a_day_later_is_the_same(nights):
    _, first, again = nights
    assert first.keys() == {
        "list.parquet",
        "exclusions.parquet",
        "scarcity.parquet",
        "provenance.json",
    }
    assert first == again


def test_without_scores_it_says_what_to_run(installation, as_of):
    with pytest.raises(
        NotPublishedError, match=r"run `vitrine score --as-of 2026-03-02T03:31:00Z`"
    ):
        inputs.read(installation, as_of + timedelta(minutes=1))


def test_explaining_ranks_campaigns_by_the_scores_of_the_list(scored, as_of, tmp_path, monkeypatch):
    home = shutil.copytree(scored.paths.home, tmp_path / "home", symlinks=True)
    (home / "list_policy.yaml").write_text("holdout: {share: 0}")
    monkeypatch.setenv("VITRINE_HOME", str(home))
    monkeypatch.setenv("VITRINE_SOURCE", "flash_sale")
    [file] = home.glob("staging/**/list.parquet")
    letters = pq.read_table(file).to_pylist()
    [anna] = [row for row in letters if row["customer_id"] == "anna"]
    lost = anna["campaigns"].pop(0)
    pq.write_table(pa.Table.from_pylist(letters, SCHEMA), file)
    scarcity = pq.read_table(file.parent / "scarcity.parquet")
    of_it = {"campaign_id": lost["campaign_id"], "scarcity": 1.0}
    more = pa.Table.from_pylist([of_it], scarcity.schema)
    pq.write_table(pa.concat_tables([scarcity, more]), file.parent / "scarcity.parquet")
    typed = ["anna", "--as-of", "2026-03-02T03:30:00Z"]
    told = CliRunner().invoke(explain, typed, catch_exceptions=False).output
    assert f"  {lost['name']} would be 1., its stock went to others" in told.splitlines()
    shutil.rmtree(home / "scores")
    assert "went to others" not in CliRunner().invoke(explain, typed).output


def test_before_the_first_data_is_a_bad_argument(installation):
    with pytest.raises(BadArgumentError, match="it begins at 2026-02-10T00:00:00Z"):
        inputs.read(installation, FEBRUARY - DAY)


def test_a_week_ago_nobody_was_known_and_scores_keep_their_usual_chances(scored):
    the_eighth = FEBRUARY + timedelta(days=7, hours=3, minutes=30)
    with pytest.raises(BadArgumentError, match="no customers as of 2026-02-10T03:30:00Z: none"):
        inputs.read(scored, the_eighth - timedelta(days=7), is_scored=False)
    known = inputs.read(scored, the_eighth, is_scored=False)
    assert inputs.calibrated(scored, known) is known


def test_scores_mean_what_they_meant_by_all_that_was_known_a_week_ago(scored, as_of):
    past = inputs.read(scored, as_of, is_scored=False)
    learnt = replay.calibrate(past, past.customers, past.sales)
    found = inputs.calibrated(scored, replace(past, as_of=as_of + calibration.HORIZON))
    assert found.calibration.to_dict() == learnt.products.to_dict()
    assert found.campaign_calibration.to_dict() == learnt.campaigns.to_dict()
    assert found.calibration.row_count > 0


def test_a_warehouse_that_is_too_old_is_refused(installation, as_of):
    with pytest.raises(NotPublishedError, match="is built up to 2026-03-03T00:00:00Z"):
        inputs.read(installation, as_of + 2 * DAY)


def test_nothing_received_later_is_known(scored, as_of):
    known = inputs.read(scored, as_of)
    customers = {row["customer_id"]: row for row in known.customers.to_pylist()}
    assert customers.keys() == {"anna", "ben", "cleo"}
    assert customers["anna"]["language"] == "fr"
    assert {c: row["segment"] for c, row in customers.items()} == {
        "anna": "new",
        "ben": "prospect",
        "cleo": "prospect",
    }
    assert known.campaigns["campaign_id"].to_pylist() == ["k1", "k2", "k4"]
    assert known.who.consents is not None
    assert all(row["is_granted"] for row in known.who.consents.to_pylist())
    assert known.who.suppressions["suppression_id"].to_pylist() == ["s1"]
    assert [customers[c]["birth_year"] for c in ("anna", "ben")] == [None, 1980]
    assert known.who.reactions["customer_id"].to_pylist() == ["cleo"]
    assert known.who.opens.to_pylist() == [
        {"customer_id": "anna", "opened_at": SUNDAY + timedelta(hours=1)}
    ]
    [letter] = known.who.letters.to_pylist()
    assert (letter["customer_id"], letter["send_at"], letter["list"]) == ("anna", SUNDAY, None)


def test_order_lines_are_known_when_their_day_is_published(scored, as_of):
    assert inputs.read(scored, as_of).sales["order_id"].to_pylist() == ["o1"]


def test_supply_is_what_is_left_and_what_opens_later(scored, as_of):
    supply = {
        row["product_id"]: (row["campaign_id"], row["stock_left"], row["price"])
        for row in inputs.read(scored, as_of).supply.to_pylist()
    }
    assert "p2" not in supply, "its one piece is sold"
    assert supply["p1"] == ("k1", 5, 9.5)
    assert supply["p3"] == ("k1", 5, 9.5)
    assert supply["p7"] == ("k1", 3, 9.5)
    assert supply["p8"] == ("k2", 7, 9.5)


def test_the_loyal_see_first_what_was_announced_for_the_next_morning(scored, as_of):
    early = {"daily": ListRules(strategies={"new": "early_access"})}
    policy = ListPolicy(holdout=Holdout(share=0), lists=early)
    people = compose(inputs.read(scored, as_of), policy, "daily").people.to_pylist()
    shown = {
        p["customer_id"]: [(c["campaign_id"], c["reason"]) for c in p["campaigns"]] for p in people
    }
    assert shown["anna"][:2] == [("k4", "early_access"), ("k2", "liked_by_many")]


def test_embeddings_are_the_newest_that_knew_no_more_than_the_list(scored, as_of):
    assert inputs.read(scored, as_of).provenance["similarity"] == {"vectors": "words"}
    published = {1: "2026-02-20T00:00:00Z", 2: "2026-03-01T00:00:00Z", 3: "2026-03-03T00:00:00Z"}
    for version, data_end in published.items():
        folder = scored.paths.embeddings / "versions" / str(version)
        folder.mkdir(parents=True)
        came = {"p1": as_of - timedelta(days=3), "p3": as_of}
        rows = [
            {"product_id": product, "content_received_at": at, "embedding": [0.6, 0.8]}
            for product, at in came.items()
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "product_embeddings.parquet")
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps({"version": version, "data_end": data_end}))
        os.utime(manifest, (version, version))
    assert inputs.read(scored, as_of).provenance["similarity"] == {
        "vectors": "embeddings and words",
        "version": 2,
        "data_end": published[2],
    }
    # p9 joined after the catalogue was embedded: its words say that it is like p1.
    vectors = inputs.read(scored, as_of).vectors
    place = {product_id: n for n, product_id in enumerate(vectors.product_ids)}
    assert np.allclose(vectors.vectors[place["p9"], :2] * 2**0.5, [0.6, 0.8])
    # Nothing is like p2, and what p3 is described by came in the night.
    for product_id in ("p2", "p3"):
        assert not vectors.vectors[place[product_id], :2].any()


def serve_first_version(paths):
    entry = Entry("ranker", 1, "first", "promoted", "the first", 1, None, "2026-03-01")
    ledger = Ledger.of(paths)
    with ledger.alone():
        ledger.close(ledger.write_down(entry))


def test_the_commands_take_a_night_from_the_warehouse_to_the_screen(scored, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(scored.paths.home))
    monkeypatch.setenv("VITRINE_SOURCE", "flash_sale")
    night = ["--as-of", "2026-03-02T03:30:00Z"]
    serve_first_version(scored.paths)
    # One campaign is all that two people can be shown; the hand-off loses the one letter.
    scored.paths.list_policy.write_text("gate: {campaign_share: 1, empty_share: 1, size_change: 1}")

    def run(*arguments, command=lists):
        return CliRunner().invoke(command, [*arguments, *night], catch_exceptions=False).output

    assert "1 of 3 customers are listed" in run("build")
    run("lists", command=check)
    # Anna's complaint and cleo's withdrawal came in the night: the hand-off knows of them.
    assert "customers: 0 listed of 3 known" in run("publish")
    shown = run("show", "--customer", "anna")
    assert "anna is not written to: suppressed_complaint" in shown
    assert "model: ranker version 1" in shown
    with pytest.raises(BadArgumentError, match="no customer 'late' was known"):
        run("show", "--customer", "late")
