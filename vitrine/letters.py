"""The ledger of letters: what was promised to whom, as the published lists say; no second truth.

Each version of a published list (`Paths.published_list`) holds `letters.parquet`, one row per
letter without its address, and `exclusions.parquet`. The hand-off writes them; frequency caps,
judgements, the warehouse and the simulated shop read them through this module.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatch
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine.contracts import INSTANT, TEXT, Column, Table

LETTERS_FILE, EXCLUSIONS_FILE = "letters.parquet", "exclusions.parquet"
PREVIEWS = "previews"
"""Folder of the letters that are looked at before a list goes out."""
HOLD_OUT = "hold_out"
"""The exclusion of the global control: who would have been written to otherwise."""
ATTRIBUTED = timedelta(hours=72)
"""A sale within so long after the last letter to its customer counts as that letter's."""
_NIGHT = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_DAY, _SHARE, _PLACE = pa.date32(), pa.float64(), pa.int32()
_CAMPAIGN = pa.struct([("rank", _PLACE), ("campaign_id", TEXT)])
_PRODUCT = pa.struct(
    [
        ("position", _PLACE),
        ("slot", TEXT),
        ("product_id", TEXT),
        ("campaign_id", TEXT),
        ("probability", _SHARE),
        ("propensity", _SHARE),
    ]
)

LETTERS = Table(
    "letters",
    "One row per letter of a published list.",
    ("message_id",),
    (
        Column("message_id", TEXT, "Id that the sender reports about, the same in every run."),
        Column("customer_id", TEXT, "The shop's id of the customer."),
        Column("list", TEXT, "Name of the list in the policy."),
        Column("night", _DAY, "UTC day of the instant that the list was made for."),
        Column("send_at", INSTANT, "When it is to be sent."),
        Column("local_day", _DAY, "The customer's calendar day at that instant."),
        Column("segment", TEXT, "As the feature customer_segments names it.", nullable=True),
        Column("strategy", TEXT, "What the letter is, such as win_back."),
        Column("arm", TEXT, "Arm of the list's experiment."),
        Column("arm_propensity", _SHARE, "Share of customers whom the arm is drawn for."),
        Column("campaigns", pa.list_(_CAMPAIGN), "Campaigns shown, by rank from 1."),
        Column(
            "products",
            pa.list_(_PRODUCT),
            "Products shown, by position from 1; probability: estimated chance that this customer"
            " buys it; propensity: chance that it was shown in this place.",
        ),
    ),
)
EXCLUSIONS = Table(
    "list_exclusions",
    "One row per known customer whom a list does not write to.",
    ("customer_id",),
    (
        Column("customer_id", TEXT, "The shop's id of the customer."),
        Column("exclusion", TEXT, "The first reason that holds; hold_out comes last."),
        Column(
            "assigned",
            TEXT,
            "Whom nothing but a cap or the hold-out left out: the arm that they were drawn for, or"
            " hold_out; null for all others.",
            nullable=True,
        ),
    ),
)
FILES = {LETTERS.name: LETTERS_FILE, EXCLUSIONS.name: EXCLUSIONS_FILE}


@dataclass(frozen=True)
class Night:
    """A version of one night's published list."""

    list_name: str
    night: date
    folder: Path

    @property
    def letters(self) -> Path:
        """The file of its letters."""
        return self.folder / LETTERS_FILE

    @property
    def exclusions(self) -> Path:
        """The file of those who are not written to."""
        return self.folder / EXCLUSIONS_FILE


def published(root: Path) -> Iterator[Night]:
    """Yield the nights that `Paths.lists` holds letters of, by night, then by list.

    Of each the version that is current; its folder stays readable while it is kept.
    """
    links = root.glob(f"*/{_NIGHT}/current")
    found = [Night(p.parts[-3], date.fromisoformat(p.parts[-2]), p.resolve()) for p in links]
    for each in sorted(found, key=lambda night: (night.night, night.list_name)):
        if each.letters.exists():
            yield each


def of_file(file: Path) -> Night:
    """Return the night whose version a file lies in: `<list>/<night>/…/<file>`."""
    places = [n for n, part in enumerate(file.parts) if fnmatch(part, _NIGHT)]
    list_name, night = file.parts[places[-1] - 1 : places[-1] + 1]
    return Night(list_name, date.fromisoformat(night), file.parent)


def read(root: Path, since: date | None = None, until: date | None = None) -> pa.Table:
    """Read the letters of the nights `since <= night < until`; without bounds, of all.

    Returns `LETTERS`' columns, by night, list and customer; without rows if nothing is published.
    """
    wanted = [
        each
        for each in published(root)
        if (since is None or since <= each.night) and (until is None or each.night < until)
    ]
    tables = [LETTERS.conform(pq.read_table(each.letters)) for each in wanted]
    return pa.concat_tables(tables) if tables else LETTERS.empty()
