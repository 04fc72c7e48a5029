"""Text of the shop that cannot act: no line ends, no template marks; in a spreadsheet no formula.

Whoever names a product writes into e-mails, headers, templates and spreadsheets. A staged list
holds such text only after `in_letters`, so that previews, letters and exports need not think of it.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_TEMPLATE_MARK = re.compile(
    # Between the two characters that open an expression or a tag of Jinja, Liquid, Handlebars,
    # Velocity, ERB, MJML, Mailchimp (*|…|*), Salesforce (%%…%%) or Brevo ([[…]]).
    r"(?<=\{)(?=[{%#])|(?<=[$#])(?=\{)|(?<=<)(?=[%?])|(?<=\[)(?=\[)|(?<=\*)(?=\|)|(?<=%)(?=%)"
)
_INVISIBLE = ("Cc", "Zl", "Zp")
_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
FORMULA = r'(^|[;,\t\r\n])((?:[^\S\t\r\n]|")*[=+\-@＝＋－＠])'
"""What a spreadsheet may run (OWASP, CSV Injection).

Where it takes another mark than the comma to part cells, one begins within what we wrote as one.
"""
GUARDED = r"\1'\2"


def plain(text: str) -> str:
    """Take out of one text what acts in a header or a template.

    Line ends and other control characters become spaces, marks that turn the direction of writing
    go, and a space parts what would open a template's tag.

    >>> plain("mug\\r\\nBcc: all@example.org"), plain("{{7*7}} ${x}"), plain("50% off [new]")
    ('mug  Bcc: all@example.org', '{ {7*7}} $ {x}', '50% off [new]')
    """
    kept = (c for c in text if c not in _DIRECTIONS)
    spaced = "".join(" " if unicodedata.category(c) in _INVISIBLE else c for c in kept)
    return _TEMPLATE_MARK.sub(" ", spaced)


@lru_cache(maxsize=100_000)
def cell(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run.

    >>> cell("=1+1"), cell(" -2"), cell("mug 4-2"), cell("mug;=1+1")
    ("'=1+1", "' -2", 'mug 4-2', "mug;'=1+1")
    """
    return re.sub(FORMULA, GUARDED, text)


def each(treat: Callable[[Any], str], values: pa.Array) -> pa.Array:
    """Write every value as a text once, however often it occurs; nulls stay.

    Parameters
    ----------
    values
        Texts or numbers; few of them different.
    """
    coded = pc.dictionary_encode(values)
    treated = pa.array([treat(value) for value in coded.dictionary.to_pylist()], pa.string())
    return treated.take(coded.indices)


def in_letters(people: pa.Table) -> pa.Table:
    """Make all texts of a list's campaigns and products plain, ids too: senders fill them in.

    Parameters
    ----------
    people
        With `campaigns` and `products`, lists of structs.
    """
    for name in ("campaigns", "products"):
        place = people.column_names.index(name)
        people = people.set_column(place, name, _named_plainly(people[name].combine_chunks()))
    return people


def _named_plainly(lists: pa.ListArray) -> pa.ListArray:
    items = lists.flatten()
    fields = {
        field.name: each(plain, items.field(field.name))
        if pa.types.is_string(field.type)
        else items.field(field.name)
        for field in items.type
    }
    whole = pa.StructArray.from_arrays(list(fields.values()), fields=list(items.type))
    offsets = pc.subtract(lists.offsets, lists.offsets[0])
    return pa.ListArray.from_arrays(offsets, whole, type=lists.type)
