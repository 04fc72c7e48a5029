"""One person is erased from a home in which every kind of file names her."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.vitrine.forgetting.shop import (
    ADDRESS,
    ANN,
    BOB,
    DAYS,
    HER_LETTER,
    LONGER,
    build,
    contents,
    copied,
    deliver,
    hashes,
    installation_of,
)
from vitrine import lake, list_policy_file, runlog
from vitrine.cli import vitrine
from vitrine.contracts import TABLES
from vitrine.errors import BadArgumentError
from vitrine.forgetting.certificates import Certificate
from vitrine.forgetting.erasure import Erasure
from vitrine.installation import Installation
from vitrine.interval import DAY
from vitrine.landing.land import land
from vitrine.publish import LOCK

HERS = re.compile(
    rf"{ANN}(?!\d)|O{ANN}x|G{ANN}x|{re.escape(ADDRESS)}|Sann|37827|{HER_LETTER}".encode(),
    re.IGNORECASE,
)
NUMBERS = """\
suppress:
  customers:
  - "17850"
  - '17851'
  - "178501"
overrides:
- {action: ban, product: "17850", because: "sold out", decided_by: "Ida", reviewed_by: "Jo"}
"""
KILLED_AT_RENAME = """
import os, signal, sys
left = int(sys.argv[1])
def hook(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
from vitrine.cli import vitrine
vitrine(["forget", sys.argv[2]])
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory) -> Installation:
    return build(tmp_path_factory.mktemp("before") / "home")


@pytest.fixture(scope="module")
def erased(before, tmp_path_factory) -> tuple[Installation, Certificate]:
    installation = copied(before, tmp_path_factory.mktemp("erased") / "home")
    return installation, Erasure(installation, ANN).run()


def found(home: Path) -> set[str]:
    return {name for name, data in contents(home) if HERS.search(data)}


def test_a_byte_scan_finds_nothing(before, erased):
    places = {name.split("/")[0] for name in found(before.paths.home)}
    assert places == {
        *("airflow", "data_docs", "deltas", "examples", "keys", "lake", "landing", "lists"),
        *("list_policy.yaml", "mlflow", "quarantine", "runs", "staging", "warehouse"),
    }
    installation, _ = erased
    assert found(installation.paths.home) == set()


def test_what_others_left_is_as_it_was(before, erased):
    old, new = before.paths, erased[0].paths
    for name in ("customers", "orders", "events", "consents", "contacts"):
        rows = lake.read(old.lake, name, DAYS).to_pylist()
        own = [r for r in rows if r["customer_id"] not in (ANN, None)]
        kept = lake.read(new.lake, name, DAYS).to_pylist()
        assert [r for r in kept if r["customer_id"]] == own
    assert lake.parts(next((new.lake / "orders" / "ds=2026-03-01").glob("*")))
    examples = pq.read_table(new.examples / "20260302T0000.parquet").to_pydict()
    assert examples == {"customer_id": [BOB, LONGER] * 2, "clicks": [1, 2, 4, 5]}
    with duckdb.connect(str(new.warehouse / "versions" / "daily-20260302T0000.duckdb")) as c:
        c.execute("attach ':memory:' as x")
        assert c.execute("from marts.dim_customers").fetchall() == [
            (BOB, "not (erased)'s"),
            (LONGER, None),
        ]
    log = (new.airflow / "logs" / "0.log").read_text()
    assert log == f"asked for (erased) ((erased)), not for {LONGER}\nand {BOB}\n"
    assert (new.staging / "checkpoints" / "others.npy").exists()
    assert len(list((new.airflow / "logs").iterdir())) == 4


def test_a_file_that_did_not_hold_her_keeps_its_hash(before, erased):
    old, new = (hashes(i.paths.home) for i in (before, erased[0]))
    hers = found(before.paths.home)
    elsewhere = ("manifest.json", "daily.duckdb")
    same = {n for n in old if n not in hers and ANN not in n and not n.endswith(elsewhere)}
    assert len(same) > 20
    assert {name: old[name] for name in same} == {name: new.get(name) for name in same}


def test_a_warehouse_keeps_its_views_macros_and_comments(erased):
    file = erased[0].paths.warehouse / "versions" / "daily-20260302T0000.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as daily (read_only)")
        assert connection.execute("select count(*) from daily.marts.v").fetchall() == [(2,)]
        assert connection.execute("select count(*) from daily.marts.f(true)").fetchall() == [(2,)]
        comment = (
            "select comment from duckdb_columns() where column_name = 'note' and comment != ''"
        )
        assert connection.execute(comment).fetchall()[0] == ("What was said.",)


def test_the_certificate_counts_and_names_nobody(erased):
    installation, certificate = erased
    text = certificate.file.read_text()
    assert not HERS.search(text.encode())
    places = {name: place.removed_count for name, place in certificate.places.items()}
    assert places["lake/orders"] == 6
    assert places["lake/events"] == 4  # two of hers, two of a guest in her session
    assert places["examples"] == 3  # two rows, and a group that has her in its dictionary alone
    assert places["deltas/user_days"] == 2
    assert places["lists"] == 7
    assert certificate.ids["order_id"] == 6
    assert certificate.ids["suppression_id"] == 2
    assert all(p.sha256_before != p.sha256_after for p in certificate.places.values())
    assert not list((installation.paths.erasures / "unfinished").iterdir())
    assert (installation.paths.erasures / "salt").stat().st_mode & 0o077 == 0


def test_the_list_policy_still_says_the_same_of_others(before, erased):
    old, new = (list_policy_file.read(installation) for installation in (before, erased[0]))
    assert old.suppress.customers == (ANN, BOB, "(erased)")
    assert new.suppress.customers == ("(erased)", BOB, "(erased)")
    assert new.suppress.minimum_age == 18
    assert "# (erased): asked by telephone" in erased[0].paths.list_policy.read_text()


def test_her_letter_goes_from_the_previews_whole(erased):
    home, _ = erased
    [index] = home.paths.lists.glob("*/*/versions/*/previews/index.html")
    card = f"<article>\nto customer {BOB}\n</article>\n"
    assert index.read_text() == f"<h1>Letters</h1>\n{card}"
    assert not (index.parent / "loyal.html").exists()
    assert "you bought rug" in (index.parent / "new.html").read_text()


def test_a_manifest_tells_of_the_files_that_are_there_now(erased):
    [manifest] = erased[0].paths.lists.rglob("manifest.json")
    told = json.loads(manifest.read_text())
    files = told["files"]
    assert {name: entry["sha256"] for name, entry in files.items()} == {
        name: digest for name, digest in hashes(manifest.parent).items() if name in files
    }
    assert told["customers"] == {
        "known": 2,
        "listed": 1,
        "excluded": 1,
        "excluded_by_reason": {"age": 1},
    }
    assert told["lists"] == {"FR-fr": 1}
    assert told["night"] == "2026-03-02"


def test_a_second_call_changes_nothing(erased):
    installation, certificate = erased
    once = hashes(installation.paths.home)
    assert Erasure(installation, ANN).run() == certificate
    assert hashes(installation.paths.home) == once


def test_landing_again_brings_nobody_back_and_gives_the_others_the_same_bytes(erased, tmp_path):
    installation = copied(erased[0], tmp_path / "home")
    paths = installation.paths
    tables = {
        t: hashes(paths.lake / t) for t in ("customers", "events", "contacts", "suppressions")
    }
    for is_delivered_again in (False, True):
        if is_delivered_again:
            deliver(paths.landing)
        list(land(installation.shop, installation.settings, paths, DAYS))
        assert {t: hashes(paths.lake / t) for t in tables} == tables
        refused = lake.read(paths.home, "quarantine", DAYS).to_pylist()
        assert sum(row["reason"] == "erased" for row in refused) >= 20
        assert {row["detail"] for row in refused if row["reason"] == "erased"} == {""}
    books = [json.loads(file.read_text()) for file in sorted(paths.books.iterdir())]
    assert sum(file["row_count"] for entry in books for file in entry["files"]) == 48
    again = Erasure(installation, ANN).run()
    assert set(again.places) == {f"landing/{t}" for t in (*tables, "orders", "consents")}
    assert found(paths.home) == set()


def test_a_killed_erasure_is_completed_by_the_next(before, erased, tmp_path):
    installation = copied(before, tmp_path / "home")
    paths = installation.paths
    environment = {**os.environ, "VITRINE_HOME": str(paths.home)}
    for place in (5, 18):
        command = [sys.executable, "-c", KILLED_AT_RENAME, str(place), ANN]
        killed = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert killed.returncode == -9, killed.stderr
        assert found(paths.home)
    certificate = Erasure(installation, ANN).run()
    assert found(paths.home) == set()
    counted = {name: place.removed_count for name, place in certificate.places.items()}
    assert counted == {n: place.removed_count for n, place in erased[1].places.items()}
    whole, left = (_lasting(i.paths.home) for i in (erased[0], installation))
    assert left == whole


def _lasting(home: Path) -> dict[str, str]:
    """Hashes of what is a function of the home alone: not of the salt, the clock or DuckDB."""
    own = ("erasures", "runs/2", "warehouse")
    return {name: digest for name, digest in hashes(home).items() if not name.startswith(own)}


def test_what_cannot_be_changed_now_is_named_and_the_same_command_completes_it(before, tmp_path):
    paths = copied(before, tmp_path / "home").paths
    runner = CliRunner(env={"VITRINE_HOME": str(paths.home)})
    file = paths.warehouse / "versions" / "daily-20260302T0000.duckdb"
    writer = f"import duckdb; c = duckdb.connect({str(file)!r}); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", writer], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        busy = runner.invoke(vitrine, ["forget", ANN])
        process.communicate(b"\n")
    assert re.search(r"daily-20260302T0000\.duckdb cannot be opened now", str(busy.exception))
    model = paths.mlflow / "model.bin"
    model.write_bytes(b"\0" + ANN.encode())
    torn = paths.landing / "contacts" / "20260302T0000-20260303T0000.csv.gz"
    torn.write_bytes(torn.read_bytes()[:-9])
    stuck = runner.invoke(vitrine, ["forget", ANN])
    assert re.search(
        r"2 files still hold the customer.*/contacts/.*\(.* is not a whole gzip file",
        str(stuck.exception),
    )
    assert [file.stat().st_mode & 0o077 for file in paths.erasures.glob("unfinished")] == [0]
    model.unlink()
    torn.unlink()
    done = runner.invoke(vitrine, ["forget", ANN], catch_exceptions=False)
    assert found(paths.home) == set()
    assert "nothing found" in done.output
    assert "vitrine spark days --start 2026-03-01 --end 2026-03-03" in done.output
    again = runner.invoke(vitrine, ["forget", ANN], catch_exceptions=False)
    assert again.output.startswith("nothing is left of this customer; certificate: ")
    assert ANN not in busy.output + stuck.output + done.output
    runs = [run["outcome"] for run in runlog.read_runs(paths) if run.get("stage") == "forget"]
    assert runs == ["failed", "succeeded"]


def test_an_address_that_another_customer_gave_too_stays_there(tmp_path):
    installation = installation_of(tmp_path / "home")
    paths = installation.paths
    for who, day in zip((ANN, BOB), DAYS.split(DAY), strict=True):
        told = {"customer_id": [who], "email_address": [ADDRESS], "received_at": [day.start]}
        rows = TABLES["contacts"].conform(pa.table(told))
        lake.write_partition(paths.lake, "contacts", day, rows)
    assert Erasure(installation, ANN).run().shared_address_count == 1
    left = lake.read(paths.lake, "contacts", DAYS)
    assert left["customer_id"].to_pylist() == [BOB]
    assert left["email_address"].to_pylist() == [ADDRESS]


def test_a_number_is_looked_for_where_customers_are_alone(tmp_path):
    """Products of a shop may have the same numbers as customers."""
    installation = installation_of(tmp_path / "home")
    paths = installation.paths
    paths.examples.mkdir(parents=True)
    rows = pa.table({"customer_id": ["17850", "17851"], "product_id": ["1", "17850"]})
    pq.write_table(rows, paths.examples / "20260302T0000.parquet")
    log = paths.airflow / "a.log"
    log.parent.mkdir()
    log.write_text("17850 rows of customer 17850 and customer_id='17850', customer 178501\n")
    paths.list_policy.write_text(NUMBERS)
    Erasure(installation, "17850").run()
    left = pq.read_table(paths.examples / "20260302T0000.parquet").to_pylist()
    assert left == [{"customer_id": "17851", "product_id": "17850"}]
    assert (
        log.read_text()
        == "17850 rows of customer (erased) and customer_id='(erased)', customer 178501\n"
    )
    policy = list_policy_file.read(installation)
    assert policy.suppress.customers == ("(erased)", "17851", "178501")
    assert [override.product for override in policy.overrides] == ["17850"]


@pytest.mark.parametrize("given", ["", " ", ANN.lower(), ANN[:-1]], ids=repr)
def test_who_is_not_named_exactly_is_not_found(before, given):
    """What a shell makes of a variable that is not set must not cost everybody a line."""
    before.paths.erasures.mkdir(exist_ok=True)
    (before.paths.erasures / LOCK).touch()
    once = hashes(before.paths.home)
    with pytest.raises(BadArgumentError, match="nothing was erased"):
        Erasure(before, given).run()
    assert hashes(before.paths.home) == once


def test_somebody_unknown_is_refused(erased, tmp_path):
    with pytest.raises(BadArgumentError, match="no customer 'U7' is known"):
        Erasure(erased[0], "U7").run()
