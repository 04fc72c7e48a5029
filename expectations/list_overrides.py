"""Whether the shop has what the policy pins and bans: told, without stopping anything."""

from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd

from expectations import frames
from expectations.rules import Check, advised, true, warn
from vitrine.list_overrides import unknown
from vitrine.list_policy import Override

_TOLD = """
select distinct {key}, brand from daily.intermediate.{model} where available_at < $known_before
"""
ADVICE = (
    "such a pin or ban binds nothing: mend it in the policy, unless it is of what is still to come"
)


def check(warehouse: Path, known_before: datetime, overrides: tuple[Override, ...]) -> Check:
    """Return the check of a night's pins and bans.

    Parameters
    ----------
    warehouse
        The published daily warehouse.
    known_before
        What reached the shop from then on is not known.
    """
    return Check(
        name="overrides",
        keys=("entry", "near"),
        rules=(advised(warn(true("is_known_to_shop")), ADVICE),),
        load=partial(_entries, warehouse, known_before, overrides),
        may_be_empty=True,
    )


def _entries(
    warehouse: Path, known_before: datetime, overrides: tuple[Override, ...]
) -> pd.DataFrame:
    asked = {"known_before": known_before}
    with frames.connect(warehouse, name="daily") as connection:
        products, campaigns = (
            connection.sql(_TOLD.format(key=key, model=model), params=asked).to_arrow_table()
            for key, model in (("product_id", "int_products"), ("campaign_id", "int_campaigns"))
        )
    near = {each.entry: each.near for each in unknown(overrides, products, campaigns)}
    rows = [
        {
            "entry": override.entry,
            "near": ", ".join(near.get(override.entry, ())),
            "is_known_to_shop": override.entry not in near,
        }
        for override in overrides
    ]
    return pd.DataFrame(rows)
