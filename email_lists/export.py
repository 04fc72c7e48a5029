"""What the sender gets: Parquet and CSV per country and language, without a cell that runs."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from email_lists.composition import CAMPAIGNS_SHOWN, PRODUCTS_SHOWN
from email_lists.frames import select
from email_lists.staged import write_parquet

FORMULA = r"^\s*[=+\-@＝＋－＠]|^[\t\r\n]"
"""A cell that a spreadsheet may run (OWASP, CSV Injection); an apostrophe makes it text."""

_PARTED = """
select
    *,
    regexp_replace(country || '-' || language, '[^A-Za-z0-9-]', '_', 'g') as part
from people
order by customer_id
"""


def parts(people: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Cut the people into one table per country and language, such as `FR-fr`, in order."""
    parted = select(_PARTED, people=people)
    for part in sorted(set(parted["part"].to_pylist())):
        yield (
            part,
            select(
                "select * exclude (part) from parted where part = $part order by customer_id",
                {"part": part},
                parted=parted,
            ),
        )


def cells(people: pa.Table) -> pa.Table:
    """Flatten a list to text cells, one row per person: what the CSV holds.

    Columns: customer_id, email_address (where people has it), consent_id, country, language,
    send_at, segment, then id, name and reason of each campaign, and id, name, brand, price, slot
    and reason of each product. An absent value is empty.
    """
    plain = ["customer_id", "email_address", "consent_id", "country", "language"]
    columns = {name: name for name in plain if name in people.column_names}
    columns["send_at"] = "strftime(send_at, '%Y-%m-%dT%H:%M:%SZ')"
    columns["segment"] = "segment"
    for n in range(1, CAMPAIGNS_SHOWN + 1):
        for name, of in (("id", "campaign_id"), ("name", "name"), ("reason", "reason")):
            columns[f"campaign_{n}_{name}"] = f"campaigns[{n}].{of}"
    for n in range(1, PRODUCTS_SHOWN + 1):
        for name, of in (("id", "product_id"), ("name", "name"), ("brand", "brand")):
            columns[f"product_{n}_{name}"] = f"products[{n}].{of}"
        columns[f"product_{n}_price"] = f"printf('%.2f', products[{n}].price)"
        for name in ("slot", "reason"):
            columns[f"product_{n}_{name}"] = f"products[{n}].{name}"
    shown = ", ".join(f"{_harmless(value)} as {name}" for name, value in columns.items())
    return select(f"select {shown} from people order by people.customer_id", people=people)


def write(people: pa.Table, folder: Path) -> dict[str, int]:
    """Write `lists/<country>-<language>.parquet` and `.csv`; return the rows of each part."""
    folder.mkdir()
    written = {}
    for part, rows in parts(people):
        write_parquet(rows, folder / f"{part}.parquet")
        csv.write_csv(cells(rows), folder / f"{part}.csv")
        written[part] = rows.num_rows
    return written


def _harmless(value: str) -> str:
    text = f"coalesce({value}, '')"
    return f"if(regexp_matches({text}, '{FORMULA}'), '''' || {text}, {text})"
