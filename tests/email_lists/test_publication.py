import hashlib
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from email_lists import publication, staged
from email_lists.composition import compose
from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.errors import NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import Interval, parse_instant
from vitrine.publish import TEMPORARY

JANUARY = Interval.parse("2026-01-01", "2026-01-02")
ADDRESS = "planted.anna@example.org"


@pytest.fixture(scope="module")
def composed(boutique):
    return compose(boutique)


@pytest.fixture
def installation(settings, paths, boutique, contract):
    """A home whose lake holds what the hand-off reads: consents, addresses, suppressions."""
    for table in TABLES.values():
        lake.ensure_table(paths.lake, table.name, table.schema)
    people = boutique.customers["customer_id"].to_pylist()
    contacts = [
        {
            "customer_id": c,
            "email_address": ADDRESS if c == "anna" else f"{c}@example.org",
            "received_at": JANUARY.start,
        }
        for c in people
    ]
    lake.write_partition(paths.lake, "contacts", JANUARY, contract("contacts", *contacts))
    lake.write_partition(paths.lake, "consents", JANUARY, boutique.consents)
    return Installation(settings)


def build(installation, known, composed=None):
    return staged.write(
        installation.paths, composed or compose(known), known.as_of, known.provenance
    )


def current(installation, as_of):
    return publication.folder_of(installation.paths, as_of) / "current"


def contents(folder):
    files = sorted(f for f in folder.resolve().rglob("*") if f.is_file())
    return {f.relative_to(folder.resolve()).as_posix(): f.read_bytes() for f in files}


def suppress(installation, contract, **who):
    received = parse_instant("2026-02-01")
    row = {
        "suppression_id": "s1",
        "reason": "complaint",
        "suppressed_at": received,
        "received_at": received,
    } | who
    day = Interval.of_day(received.date())
    rows = contract("suppressions", row)
    lake.write_partition(installation.paths.lake, "suppressions", day, rows)


def test_a_night_is_published_whole(installation, boutique, composed):
    build(installation, boutique, composed)
    manifest = publication.publish(installation, boutique.as_of)
    files = contents(current(installation, boutique.as_of))
    assert {"lists/FR-fr.csv", "lists/FR-fr.parquet", "exclusions.parquet", "manifest.json"} <= set(
        files
    )
    assert json.loads(files.pop("manifest.json")) == manifest
    assert manifest["customers"] == {
        "known": 9,
        "listed": 8,
        "excluded": 1,
        "excluded_by_reason": {"no_consent": 1},
    }
    assert manifest["lists"] == {"FR-fr": 8}
    assert manifest["model"] == {"model": "ranker", "version": 3}
    assert manifest["slates"]["complete"] == 8
    assert sum(manifest["slates"]["by_slot"].values()) == 56
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }


def test_running_again_gives_the_same_bytes(installation, boutique, composed):
    build(installation, boutique, composed)
    publication.publish(installation, boutique.as_of)
    first = contents(current(installation, boutique.as_of))
    before = current(installation, boutique.as_of).resolve()
    build(installation, boutique)
    publication.publish(installation, boutique.as_of)
    assert contents(current(installation, boutique.as_of)) == first
    assert current(installation, boutique.as_of).resolve() != before


def test_addresses_are_in_the_export_alone(installation, boutique, composed, tmp_path):
    build(installation, boutique, composed)
    publication.publish(installation, boutique.as_of)
    holders = {
        file.relative_to(installation.paths.home).as_posix()
        for file in installation.paths.home.rglob("*")
        if file.is_file() and ADDRESS.encode() in _readable(file)
    }
    night = "lists/2026-03-02/versions/20260302T0330/lists/FR-fr"
    contacts = "lake/contacts/ds=2026-01-01/20260101T0000-20260102T0000.parquet"
    assert holders == {f"{night}.csv", f"{night}.parquet", contacts}


def _readable(file):
    """The bytes of a file; of a Parquet file its values, which are compressed there."""
    if file.suffix != ".parquet":
        return file.read_bytes()
    return repr(pq.ParquetFile(file).read().to_pylist()).encode()


def test_who_left_since_is_counted_and_gone(installation, boutique, composed, contract, agreed):
    build(installation, boutique, composed)
    suppress(installation, contract, email_address=ADDRESS.upper())
    night = Interval.parse("2026-03-02", "2026-03-02T04:00:00Z")
    withdrawal = agreed("ben", False, "2026-03-02T03:45:00Z")
    lake.write_partition(
        installation.paths.lake, "consents", night, contract("consents", withdrawal)
    )
    manifest = publication.publish(installation, boutique.as_of)
    assert manifest["customers"]["known"] == 9
    assert manifest["customers"]["excluded_by_reason"] == {
        "consent_withdrawn": 1,
        "no_consent": 1,
        "suppressed_address_complaint": 1,
    }
    _, people, exclusions = publication.read(installation.paths, boutique.as_of)
    listed, excluded = people["customer_id"].to_pylist(), exclusions["customer_id"].to_pylist()
    assert excluded == ["anna", "ben", "ida"]
    assert sorted(listed + excluded) == sorted(boutique.customers["customer_id"].to_pylist())


def test_a_shop_without_addresses_gets_lists_that_say_so(installation, boutique):
    provenance = boutique.provenance | {
        "provides": [],
        "sendable": False,
        "not_sendable_because": "no contacts",
    }
    build(installation, replace(boutique, consents=None, provenance=provenance))
    manifest = publication.publish(installation, boutique.as_of)
    assert manifest["customers"]["listed"] == 9
    assert (manifest["sendable"], manifest["not_sendable_because"]) == (False, "no contacts")
    _, people, _ = publication.read(installation.paths, boutique.as_of)
    assert "email_address" not in people.column_names
    assert (
        b"email_address" not in contents(current(installation, boutique.as_of))["lists/FR-fr.csv"]
    )


def test_consent_is_checked_again_where_there_are_no_addresses(
    installation, boutique, composed, contract, agreed
):
    provenance = {
        "provides": ["consents", "suppressions"],
        "sendable": False,
        "not_sendable_because": "no contacts",
    }
    build(installation, replace(boutique, provenance=boutique.provenance | provenance), composed)
    night = Interval.parse("2026-03-02", "2026-03-02T04:00:00Z")
    withdrawal = contract("consents", agreed("ben", False, "2026-03-02T03:45:00Z"))
    lake.write_partition(installation.paths.lake, "consents", night, withdrawal)
    suppress(installation, contract, customer_id="cleo")
    manifest = publication.publish(installation, boutique.as_of)
    assert manifest["customers"]["excluded_by_reason"] == {
        "consent_withdrawn": 1,
        "no_consent": 1,
        "suppressed_complaint": 1,
    }
    _, people, _ = publication.read(installation.paths, boutique.as_of)
    assert people.num_rows == 6
    assert "email_address" not in people.column_names


@pytest.mark.parametrize("step", ["export.write", "previews.write", "_checksums"])
def test_a_publication_that_dies_leaves_the_last_one(
    installation, boutique, composed, contract, monkeypatch, step
):
    build(installation, boutique, composed)
    publication.publish(installation, boutique.as_of)
    before = contents(current(installation, boutique.as_of))
    suppress(installation, contract, customer_id="anna")

    def die(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(f"email_lists.publication.{step}", die)
        publication.publish(installation, boutique.as_of)
    assert contents(current(installation, boutique.as_of)) == before
    versions = publication.folder_of(installation.paths, boutique.as_of) / "versions"
    assert not list(versions.glob(f"{TEMPORARY}*"))
    assert publication.publish(installation, boutique.as_of)["customers"]["listed"] == 7


def test_a_build_that_dies_leaves_the_last_one(installation, boutique, composed, monkeypatch):
    folder = build(installation, boutique, composed)
    before = contents(folder)

    def die(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("email_lists.staged.json.dumps", die)
        build(installation, boutique, composed)
    assert contents(folder) == before
    assert contents(build(installation, boutique, composed)) == before


def test_the_staged_files_are_what_the_gate_reads(installation, boutique, composed):
    folder = build(installation, boutique, composed)
    assert folder == installation.paths.staging / "lists" / "20260302T0330"
    people = pq.read_table(folder / "list.parquet")
    assert people["customer_id"].to_pylist() == composed.people["customer_id"].to_pylist()
    assert pq.read_table(folder / "list_products.parquet").equals(composed.products)


def test_what_was_not_built_cannot_be_published(installation, as_of):
    with pytest.raises(
        NotPublishedError, match="run `vitrine lists build --as-of 2026-03-02T03:30"
    ):
        publication.publish(installation, as_of)
    with pytest.raises(NotPublishedError, match="no list as of 2026-03-02T03:30:00Z is published"):
        publication.read(installation.paths, as_of)


def test_a_night_without_a_list_is_told_the_instant_to_make_it_for(installation):
    typed = "publish`, with --as-of 2026-03-16T03:30:00Z"
    with pytest.raises(NotPublishedError, match=typed):
        publication.read(installation.paths, parse_instant("2026-03-16"))


def test_another_instant_of_the_same_night_is_not_taken_for_it(installation, boutique, composed):
    build(installation, boutique, composed)
    publication.publish(installation, boutique.as_of)
    with pytest.raises(NotPublishedError, match="lists show --as-of 2026-03-02T03:30:00Z"):
        publication.read(installation.paths, parse_instant("2026-03-02T04:00:00Z"))
