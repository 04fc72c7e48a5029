"""The parts of `benchmarks.lists`, each in a process of its own: `PART CUSTOMERS FOLDER FILE`."""

import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import dataset

from benchmarks import listed_home, listed_shop
from benchmarks.listed_shop import AS_OF, Sizes
from email_lists import replay
from email_lists.audience.eligibility import Who
from email_lists.composition import Known, compose
from email_lists.handover import export, staged
from email_lists.slates import campaign_places, slate
from email_lists.slates.calibration import HORIZON
from expectations import gate as gates
from expectations import lists
from vitrine.contracts import INSTANT, TABLES
from vitrine.installation import Installation
from vitrine.interval import DAY, floor, format_instant
from vitrine.list_policy import DEFAULT_LIST, ListPolicy
from vitrine.settings import load_settings
from vitrine.staged_lists import PEOPLE

SCORES = "campaign_scores.parquet"
Figures = dict[str, Any]

_TOP = """
copy (
    select customer_id, campaign_id, score from read_parquet('{scores}')
    qualify row_number() over (partition by customer_id order by score desc, campaign_id) <= 10
) to '{out}' (format parquet)
"""


def prepare(sizes: Sizes, folder: Path) -> Figures:
    """Write what the champion's scores of the night are."""
    who = listed_shop.customers(sizes)
    listed_shop.scores(sizes, who, folder / SCORES)
    return {
        "scores": sizes.customers * sizes.scores_kept,
        "bytes": (folder / SCORES).stat().st_size,
    }


def build(sizes: Sizes, folder: Path) -> Figures:
    """Make the night's list and stage it."""
    known = _known(sizes, folder)
    figures: Figures = {"customers": sizes.customers, "sale_lines": known.sales.num_rows}
    begun = time.perf_counter()
    # The week before is read as tonight: only what it costs is looked at.
    past = replace(known, as_of=AS_OF - HORIZON)
    learnt = replay.calibrate(past, past.customers, known.sales)
    known = replace(known, calibration=learnt.products, campaign_calibration=learnt.campaigns)
    figures["calibrate_s"] = time.perf_counter() - begun
    begun = time.perf_counter()
    composed = compose(known, ListPolicy(), DEFAULT_LIST)
    figures["compose_s"] = time.perf_counter() - begun
    begun = time.perf_counter()
    provenance = {"known_before": format_instant(floor(AS_OF, DAY))}
    staged.write(people_of(folder).parent, composed, provenance)
    figures["stage_s"] = time.perf_counter() - begun
    products = pc.list_value_length(composed.people["products"]).to_numpy()
    scarce = composed.scarcity.to_pandas()
    is_campaign = scarce["product_id"].isna()
    total = scarce.groupby("campaign_id")["expected_units"].transform("sum")
    expected = scarce["expected_units"].where(~is_campaign, total)
    over = expected > scarce["stock_left"] * (1 + 1e-9)
    shown = pc.list_value_length(composed.people["campaigns"]).to_numpy()
    return figures | {
        "listed": composed.people.num_rows,
        "excluded": composed.exclusions.num_rows,
        "full_share": float((products == 7).mean()),
        "offers": int((~is_campaign).sum()),
        "scarce_offers": int((scarce["scarcity"] > 0).sum()),
        "offers_over": int((~is_campaign & over).sum()),
        "campaigns": int(is_campaign.sum()),
        "campaigns_over": int((is_campaign & over).sum()),
        "campaigns_shown": float(shown.mean()),
    }


def home(sizes: Sizes, folder: Path) -> Figures:
    """Write what the gate reads beside the list."""
    begun = time.perf_counter()
    received = listed_home.write(sizes, _installation(folder).paths)
    return {"rows": received, "seconds": time.perf_counter() - begun}


def gate(sizes: Sizes, folder: Path) -> Figures:
    """Hold the staged list against the gate's rules, as `vitrine check lists` does."""
    installation = _installation(folder)
    begun, used = time.perf_counter(), time.process_time()
    checks = lists.checks(installation, DEFAULT_LIST, AS_OF)
    found = gates.run("lists", checks, installation.paths.data_docs, "benchmark")
    return {
        "letters": found.row_counts["letters"],
        "rows": found.rows,
        "rules": found.rule_count,
        "broken": found.of("fail"),
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - used,
    }


def plain_top(sizes: Sizes, folder: Path) -> Figures:
    """Let DuckDB alone find each customer's ten best of the same scores: no list is made."""
    begun = time.perf_counter()
    duckdb.connect().execute(_TOP.format(scores=folder / SCORES, out=folder / "top.parquet"))
    return {"seconds": time.perf_counter() - begun}


def export_csv(sizes: Sizes, folder: Path) -> Figures:
    """Write the staged list as the CSV of the hand-off, part by part, with made-up addresses."""
    people = _addressed(folder)
    shutil.rmtree(folder / "csv", ignore_errors=True)
    begun = time.perf_counter()
    rows = sum(export.write(people, folder / "csv", ["csv"]).values())
    return {"rows": rows, "seconds": time.perf_counter() - begun, "bytes": _size(folder / "csv")}


def export_all(sizes: Sizes, folder: Path) -> Figures:
    """Write all that the hand-off writes: Parquet, CSV and JSON lines."""
    people = _addressed(folder)
    shutil.rmtree(folder / "lists", ignore_errors=True)
    begun = time.perf_counter()
    rows = sum(export.write(people, folder / "lists").values())
    return {"rows": rows, "seconds": time.perf_counter() - begun, "bytes": _size(folder / "lists")}


def plain_csv(sizes: Sizes, folder: Path) -> Figures:
    """Let DuckDB write the same columns as one CSV, nothing made harmless."""
    begun = time.perf_counter()
    duckdb.connect().execute(_plain_cells(people_of(folder), folder / "plain.csv"))
    size = (folder / "plain.csv").stat().st_size
    return {"seconds": time.perf_counter() - begun, "bytes": size}


def people_of(folder: Path) -> Path:
    """Return the file of the staged list."""
    return _installation(folder).paths.staged_list(DEFAULT_LIST, AS_OF) / PEOPLE


def _installation(folder: Path) -> Installation:
    return Installation(load_settings({"VITRINE_HOME": str(folder / "home")}))


def _addressed(folder: Path) -> pa.Table:
    people = pq.read_table(people_of(folder))
    addresses = pc.binary_join_element_wise(people["customer_id"], "shop.example", "@")
    people = people.append_column("email_address", addresses)
    people = people.append_column("content_digest", people["message_id"])
    return export.with_unsubscribing(people, ListPolicy().sender)


def _plain_cells(people: Path, out: Path) -> str:
    shown = [
        f"campaigns[{n}].{name} as campaign_{n}_{name}"
        for n in range(1, campaign_places.SHOWN + 1)
        for name in export.OF_CAMPAIGNS
    ] + [
        f"products[{n}].{name} as product_{n}_{name}"
        for n in range(1, slate.PRODUCTS_SHOWN + 1)
        for name in export.OF_PRODUCTS
    ]
    plain = "message_id, customer_id, consent_id, country, language, timezone, segment, strategy"
    return (
        f"copy (select {plain}, arm, arm_propensity, send_at, {', '.join(shown)}"
        f" from read_parquet('{people}')) to '{out}' (format csv, header)"
    )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def _known(sizes: Sizes, folder: Path) -> Known:
    who = listed_shop.customers(sizes)
    nothing = {"customer_id": pa.string(), "list": pa.string(), "night": pa.date32()}
    letters = pa.schema(nothing | {"send_at": INSTANT, "strategy": pa.string()}).empty_table()
    return Known(
        as_of=AS_OF,
        who=Who(
            as_of=AS_OF,
            customers=who,
            consents=listed_shop.consents(sizes, who),
            suppressions=TABLES["suppressions"].empty(),
            reactions=TABLES["email_events"].empty(),
            opens=listed_shop.opens(sizes, who),
            letters=letters,
        ),
        campaigns=listed_shop.campaigns(sizes),
        supply=listed_shop.supply(sizes),
        products=listed_shop.products(sizes),
        sales=listed_shop.sales(sizes, who),
        scores=dataset.dataset(folder / SCORES),
        vectors=listed_shop.vectors(sizes),
    )


PARTS: dict[str, Callable[[Sizes, Path], Figures]] = {
    "prepare": prepare,
    "build": build,
    "home": home,
    "gate": gate,
    "plain_top": plain_top,
    "export_csv": export_csv,
    "plain_csv": plain_csv,
    "export_all": export_all,
}


def main() -> None:
    """Run one part and write its figures."""
    part, customers, folder, out = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    figures = PARTS[part](Sizes(int(customers)), Path(folder))
    Path(out).write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
