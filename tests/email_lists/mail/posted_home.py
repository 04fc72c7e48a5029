"""A home with a published night, whose letters a mail server on this machine takes."""

import json

import pyarrow as pa
import pyarrow.parquet as pq

from email_lists.handover import export
from email_lists.handover.publication import LISTS, MANIFEST
from email_lists.mail import delivery
from email_lists.mail.delivery import Run
from tests.email_lists.homes import SCARCITY
from tests.email_lists.written import SEND_AT, people
from vitrine import lake
from vitrine.contracts import TABLES
from vitrine.interval import Interval
from vitrine.letters import LETTERS, LETTERS_FILE
from vitrine.list_policy import Sender
from vitrine.publish import new_version
from vitrine.staged_lists import SCARCITY as SCARCITY_FILE

NO_SCARCITY = pa.table({})
UNLIMITED = SCARCITY.empty_table()
JANUARY = Interval.parse("2026-01-01", "2026-01-02")
MARCH = Interval.parse("2026-03-01", "2026-03-02")
NAMES = ["anna", "ben", "cleo", "dora"]
POLICY = "delivery: {{host: localhost, port: {port}, messages_per_second: {rate}}}"


def write(paths, contract, names):
    """Fill the lake with what the hand-off asks: consents, addresses, nothing against anybody."""
    for contracted in TABLES.values():
        lake.ensure_table(paths.lake, contracted.name, contracted.schema)
    at = {"received_at": JANUARY.start}
    rows = {
        "contacts": [{"customer_id": n, "email_address": f"{n}@example.org"} for n in names],
        "consents": [
            {
                "consent_id": f"consent-of-{n}",
                "customer_id": n,
                "purpose": "email_marketing",
                "is_granted": True,
                "changed_at": JANUARY.start,
                "source": "sign_up",
            }
            for n in names
        ],
    }
    for table, values in rows.items():
        received = contract(table, *(value | at for value in values))
        lake.write_partition(paths.lake, table, JANUARY, received)


def publish(paths, rows, is_sendable=True, name="daily"):
    """Publish a night by hand: what the delivery reads of it."""
    listed = export.with_unsubscribing(people(rows), Sender())
    of = {"list": name, "night": SEND_AT.date()}
    promised = [{n: v for n, v in (row | of).items() if n in LETTERS.schema.names} for row in rows]
    with new_version(paths.published_list(name, SEND_AT.date()), "20260302T0330") as folder:
        export.write(listed, folder / LISTS)
        promises = pa.Table.from_pylist(promised, LETTERS.schema)
        pq.write_table(promises, folder / LETTERS_FILE)
        pq.write_table(UNLIMITED, folder / SCARCITY_FILE)
        manifest = {
            "night": "2026-03-02",
            "as_of": "2026-03-02T03:30:00Z",
            "currency": "EUR",
            "sendable": is_sendable,
        }
        manifest |= {} if is_sendable else {"not_sendable_because": "no contacts"}
        (folder / MANIFEST).write_text(json.dumps(manifest))


def deliver(installation, list_name, at):
    return delivery.deliver(installation, list_name, Run(at))


def to(office):
    return [address.removesuffix("@example.org") for address, _ in office.taken]
