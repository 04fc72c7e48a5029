"""What any sender can take: Parquet, CSV and JSON lines per country, language and send hour.

The three say the same. Every row carries what List-Unsubscribe needs (RFC 2369, RFC 8058), the
strategy and the arm, what is shown and why. No cell runs in a spreadsheet: see `harmless`.
"""

import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from email_lists.frames import select
from email_lists.handover import harmless
from email_lists.handover.staged import write_parquet
from email_lists.slates import campaign_places, slate
from vitrine.list_policy import Sender

ONE_CLICK = "List-Unsubscribe=One-Click"
PLAIN = (
    "message_id",
    "customer_id",
    "email_address",
    "consent_id",
    "country",
    "language",
    "timezone",
    "segment",
    "strategy",
    "arm",
    "list_unsubscribe",
    "list_unsubscribe_post",
    "content_digest",
)
PARTS_AT_ONCE = 2
ISO = "%Y-%m-%dT%H:%M:%SZ"
OF_CAMPAIGNS = ("campaign_id", "name", "brand", "reason")
OF_PRODUCTS = (
    "product_id",
    "campaign_id",
    "name",
    "brand",
    "slot",
    "reason",
    "cause_product_id",
    "cause_name",
    "price",
    "bought_today_count",
)

_LINES = """
with written as (
    select
        * replace (
            strftime(send_at, $iso) as send_at,
            [{
                'rank': c.rank, 'campaign_id': c.campaign_id, 'name': c.name, 'brand': c.brand,
                'sector': c.sector, 'reason': c.reason, 'score': c.score,
                'opens_at': strftime(c.opens_at, $iso), 'closes_at': strftime(c.closes_at, $iso)
            } for c in campaigns] as campaigns
        )
    from rows
)
select to_json(written)::varchar as line from written order by customer_id
"""


def with_unsubscribing(people: pa.Table, sender: Sender) -> pa.Table:
    """Append list_unsubscribe and list_unsubscribe_post, the values of the headers so called.

    They name the letter, not the person, and hold no address of a customer.
    """
    mailto = f"mailto:{sender.unsubscribe_address}?subject={{message_id}}"
    pieces = f"<{sender.unsubscribe_url}>, <{mailto}>".split("{message_id}")
    links = pc.binary_join_element_wise(*pieces, people["message_id"])
    posts = pa.repeat(pa.scalar(ONE_CLICK), people.num_rows)
    return people.append_column("list_unsubscribe", links).append_column(
        "list_unsubscribe_post", posts
    )


def parts(people: pa.Table) -> dict[str, np.ndarray]:
    """Find the rows of each country, language and UTC hour, such as `FR-fr-20260302T06`.

    Both the parts and the rows of each (int64) are in order.
    """
    hour = pc.strftime(people["send_at"].cast(pa.timestamp("s", "UTC")), "%Y%m%dT%H")
    joined = pc.binary_join_element_wise(people["country"], people["language"], hour, "-")
    names = pc.dictionary_encode(joined).combine_chunks()
    clean = [re.sub(r"[^A-Za-z0-9-]", "_", name) for name in names.dictionary.to_pylist()]
    known, part_D = np.unique(np.array(clean, object), return_inverse=True)
    part_R = part_D[names.indices.to_numpy()]
    ordered = np.argsort(part_R, kind="stable")
    ends = np.cumsum(np.bincount(part_R, minlength=known.size))
    return dict(zip(known.tolist(), np.split(ordered, ends)[:-1], strict=True))


def cells(people: pa.Table) -> pa.Table:
    """Flatten a list to text cells, one row per person: what the CSV holds.

    Columns: those of `PLAIN` that people has, arm_propensity, send_at (UTC), then `OF_CAMPAIGNS` of
    each campaign, and `OF_PRODUCTS` of each product. An absent value is empty.
    """
    columns = {name: people[name] for name in PLAIN if name in people.column_names}
    shown = {name: _harmless(column) for name, column in columns.items()}
    shown["arm_propensity"] = pc.cast(people["arm_propensity"], pa.string())
    shown["send_at"] = pc.strftime(people["send_at"].cast(pa.timestamp("s", "UTC")), ISO)
    shown |= _spread("campaign", people["campaigns"], campaign_places.SHOWN, OF_CAMPAIGNS)
    shown |= _spread("product", people["products"], slate.PRODUCTS_SHOWN, OF_PRODUCTS)
    return pa.table(shown)


def write_csv(rows: pa.Table, file: Path) -> None:
    """Write the `cells` of one part, with a header."""
    csv.write_csv(cells(rows), file)


def write_json_lines(rows: pa.Table, file: Path) -> None:
    """Write one JSON object per person and line, campaigns and products nested in it."""
    lines = select(_LINES, {"iso": ISO}, rows=rows)["line"]
    with file.open("w", encoding="utf-8") as out:
        for batch in lines.chunks:
            out.writelines(f"{line}\n" for line in batch.to_pylist())


WRITERS: dict[str, Callable[[pa.Table, Path], None]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "jsonl": write_json_lines,
}


def write(
    people: pa.Table, folder: Path, formats: Collection[str] = tuple(WRITERS)
) -> dict[str, int]:
    """Write each part in some formats, as `<part>.<format>`; return the rows of each part.

    Two parts at a time: they share nothing, and Arrow and DuckDB leave Python's lock to others.
    """
    folder.mkdir()

    rows = parts(people)
    counts = {part: of.size for part, of in rows.items()}
    starts = dict(zip(counts, np.cumsum([0, *counts.values()]).tolist(), strict=False))
    # In their order all at once: nested rows cost more to take part by part than to write.
    ordered = people.take(np.concatenate([np.empty(0, np.int64), *rows.values()]))

    def written(part: str) -> None:
        for each in formats:
            table = ordered.slice(starts[part], counts[part])
            WRITERS[each](table, folder / f"{part}.{each}")

    with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
        list(pool.map(written, counts))
    return counts


def _spread(
    kind: str, lists: pa.ChunkedArray, count: int, names: tuple[str, ...]
) -> dict[str, pa.Array]:
    """Spread a column of lists over `<kind>_<place>_<name>`, the places from 1 to `count`."""
    whole = lists.combine_chunks()
    length_R = pc.list_value_length(whole).to_numpy()
    first_R = np.cumsum(length_R) - length_R
    items = whole.flatten()
    values = {name: _cells(items, name) for name in names}
    spread = {}
    for place in range(count):
        at = pa.array(first_R + place, mask=length_R <= place)
        for name, column in values.items():
            label = name.removeprefix(f"{kind}_")
            spread[f"{kind}_{place + 1}_{label}"] = column.take(at)
    return spread


def _cells(items: pa.StructArray, name: str) -> pa.Array:
    """Write one field of all items as text; few of its values are different."""
    treat = {"price": "{:.2f}".format}.get(name, str)
    return harmless.each(lambda value: harmless.cell(treat(value)), items.field(name))


def _harmless(column: pa.ChunkedArray) -> pa.Array:
    """Treat a column whose values differ from row to row, such as ids."""
    return pc.replace_substring_regex(column, harmless.FORMULA, harmless.GUARDED)
