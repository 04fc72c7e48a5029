"""Training examples: each purchase beside campaigns not bought, all as of before the instant."""

from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from expectations import frames
from expectations.rules import (
    Check,
    between,
    one_of,
    required,
    true,
    unique,
    varying,
    warn,
)
from vitrine import affinities
from vitrine.errors import NotPublishedError
from vitrine.feature_catalogue import Feature, ranker_features
from vitrine.installation import Installation
from vitrine.interval import format_instant
from vitrine.paths import stamp
from vitrine.sources import require

KEYS = ("group_id", "customer_id", "campaign_id", "as_of")
LARGEST = 1e12
FEWEST_GROUPS = 50


def checks(installation: Installation, as_of: datetime) -> list[Check]:
    """Return the checks of the examples as of an instant.

    Raises
    ------
    NotPublishedError
        If they were not written yet.
    """
    require(installation.shop, "check examples", "orders")
    file = installation.paths.examples / f"{stamp(as_of)}.parquet"
    if not file.exists():
        instant = format_instant(as_of)
        raise NotPublishedError(
            f"there are no training examples as of {instant};"
            f" write them with `vitrine train examples --as-of {instant}`"
        )
    rows = Check("rows", KEYS, ROW_RULES, partial(_rows, file, as_of))
    groups = Check(
        name="groups",
        keys=("group_id",),
        rules=(
            between("positive_count", 1),
            between("negative_count", 1),
            between("customer_count", 1, 1),
            between("instant_count", 1, 1),
        ),
        load=partial(_groups, file),
    )
    size = Check(
        name="size",
        keys=("what",),
        rules=(warn(between("group_count", FEWEST_GROUPS)),),
        load=partial(
            frames.frame,
            f"select 'groups' as what, count(distinct group_id) as group_count {_from(file)}",
        ),
    )
    return [rows, groups, size]


ROW_RULES = (
    *required("example_id", *KEYS, "known_at", "label"),
    unique("example_id"),
    unique("group_id", "campaign_id"),
    one_of("label", (0, 1)),
    varying("label"),
    true("is_before_the_instant"),
    true("is_known_at_the_instant"),
    one_of("faulty_features", [""]),
)


def _from(file: Path) -> str:
    return f"from {frames.parquet([file])}"


def _rows(file: Path, as_of: datetime) -> pd.DataFrame:
    """Load keys, label, and the names of the features whose value is missing or out of range.

    DuckDB looks at the features: one rule a feature would take Great Expectations minutes.
    """
    there = set(pq.read_schema(file).names)
    content = tuple(f for f in affinities.CONTENT if f.name in there)
    features = (*ranker_features(), *affinities.CAMPAIGN, *affinities.FEATURES, *content)
    faults = ", ".join(_fault(feature, there) for feature in features)
    return frames.frame(
        f"""
        select
            example_id, {", ".join(KEYS)}, known_at, label,
            as_of < $as_of as is_before_the_instant,
            known_at < $as_of as is_known_at_the_instant,
            concat_ws(', ', {faults}) as faulty_features
        {_from(file)}
        """,
        {"as_of": as_of},
    )


def _fault(feature: Feature, there: set[str]) -> str:
    """Write SQL that is the feature's name where its value cannot be learnt from, else null."""
    name = feature.name
    if name not in there:
        return f"'{name}'"
    is_text = feature.kind == "categorical"
    good = f"{name} <> ''" if is_text else f"{name}::double between -{LARGEST} and {LARGEST}"
    return f"if(coalesce({good}, false), null, '{name}')"


def _groups(file: Path) -> pd.DataFrame:
    return frames.frame(f"""
        select
            group_id,
            count(*) filter (where label = 1) as positive_count,
            count(*) filter (where label = 0) as negative_count,
            count(distinct customer_id) as customer_count,
            count(distinct as_of) as instant_count
        {_from(file)}
        group by group_id order by group_id
    """)
