"""Names in a policy that a shop has nothing for: most are slips of the pen, some come too early."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.compute as pc

from vitrine.list_policy import Override, Suppress

ALIKE = 0.7
"""How like a name has to be to one that was written, from 0 to 1 (difflib's ratio)."""


@dataclass(frozen=True)
class Unknown:
    """A pin, ban or suppression of a name that the shop does not have."""

    entry: str
    """Such as `ban brand Corete`."""
    near: tuple[str, ...]
    """Names that the shop has and that look like it, the likest first."""

    def __str__(self) -> str:
        meant = f" (near: {', '.join(self.near)})" if self.near else ""
        return f"{self.entry}: the shop knows none of that name{meant}; it binds nothing so far"


def unknown(
    overrides: Iterable[Override], products: pa.Table, campaigns: pa.Table
) -> tuple[Unknown, ...]:
    """Find the pins and bans of what a shop does not have.

    Parameters
    ----------
    products
        product_id and brand of all that the shop has told of.
    campaigns
        Likewise campaign_id and brand.
    """
    columns = {
        "brand": (products["brand"], campaigns["brand"]),
        "product": (products["product_id"],),
        "campaign": (campaigns["campaign_id"],),
    }
    found = []
    for override in overrides:
        kind, name = override.meant
        names = {each for column in columns[kind] for each in column.unique().to_pylist() if each}
        if name not in names:
            near = get_close_matches(name, sorted(names), cutoff=ALIKE)
            found.append(Unknown(override.entry, tuple(near)))
    return tuple(found)


def unknown_suppressed(suppress: Suppress, customers: pa.Table) -> tuple[Unknown, ...]:
    """Find the customers and countries that a policy suppresses and the shop does not know.

    Parameters
    ----------
    customers
        customer_id and country of all that are known.
    """
    ids, countries = customers["customer_id"], sorted({*customers["country"].to_pylist()} - {None})
    folded = pc.utf8_lower(ids)
    found = []
    for name in suppress.customers:
        if not pc.any(pc.equal(ids, name)).as_py():
            near = ids.filter(pc.equal(folded, name.lower())).to_pylist()
            found.append(Unknown(f"suppress customer {name}", tuple(near)))
    strange = [name for name in suppress.countries if name not in countries]
    found += [Unknown(f"suppress country {name}", tuple(countries)) for name in strange]
    return tuple(found)
