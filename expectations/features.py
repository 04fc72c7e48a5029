"""Features: every function answers each question once, with numbers, and knows no future.

The private file that a run builds is asked, before it is published, about the customers and
campaigns that were active in the interval, at the first instant at which all of it is readable.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from expectations import frames
from expectations.rules import Check, Rule, between, required, true, unique
from vitrine.errors import NotPublishedError
from vitrine.feature_catalogue import Feature, FeatureModel, feature_models
from vitrine.installation import Installation
from vitrine.interval import Interval, format_instant
from vitrine.sources import require
from vitrine.warehouse import DATABASES

MOST_ROWS = 20_000
"""So many questions are asked of each function; of more active ones a part, chosen by hash."""
LARGEST = 1e12
"""Beyond any real figure: what exceeds it is infinite or overflowed."""

ACTIVE = {
    "daily": """
        select customer_id, campaign_id, product_id, sector from daily.intermediate.int_order_lines
        where received_at >= $start and received_at < $end and customer_id is not null
    """,
    "intraday": """
        select demographic_cluster, campaign_id
        from intraday.intermediate.int_cluster_campaign_window_ledger as l
        cross join intraday.features.build_info as b
        where l.available_at > $start + (b.available_at - b.data_end_at)
            and l.available_at <= $end + (b.available_at - b.data_end_at)
    """,
}


@dataclass(frozen=True)
class Build:
    """One run's private database file."""

    database: str
    file: Path
    interval: Interval
    memory_limit: str


def checks(installation: Installation, interval: Interval, database: str | None) -> list[Check]:
    """Return the checks of one database's build, or of all that were built.

    Nobody may have been active in the interval, so a function may go unasked; that the build is of
    this interval, and knows nothing of later ones, is checked always.

    Raises
    ------
    NotPublishedError
        If there is no build of the interval.
    """
    require(installation.shop, "check features", "orders")
    memory_limit = installation.settings.duckdb_memory_limit
    builds = [
        Build(name, installation.paths.build_file(name, interval), interval, memory_limit)
        for name in ([database] if database else DATABASES)
    ]
    there = [build for build in builds if build.file.exists()]
    if not there:
        raise NotPublishedError(
            f"no build of {database or 'any warehouse'} for {interval} waits to be checked;"
            f" run `vitrine build {database or 'daily'} --layer features"
            f" --start {format_instant(interval.start)} --end {format_instant(interval.end)}`,"
            " after the layers before it"
        )
    return [check for build in there for check in _checks_of(build)]


def _checks_of(build: Build) -> list[Check]:
    functions = [
        Check(
            name=model.name,
            keys=model.spine,
            rules=_answer_rules(model),
            load=partial(_answers, build, model),
            may_be_empty=True,
        )
        for model in feature_models()
        if model.database == build.database
    ]
    times = Check(
        name=f"{build.database}_times",
        keys=("relation",),
        rules=(*required("latest_at"), true("is_known_by_then")),
        load=partial(_times, build),
    )
    return [times, *functions, *([_on_sale_check(build)] if build.database == "daily" else [])]


def _answer_rules(model: FeatureModel) -> tuple[Rule, ...]:
    return (
        *required(*[feature.name for feature in model.features]),
        unique(*model.spine),
        *[_bounds(feature) for feature in model.features if feature.kind == "numeric"],
    )


def _bounds(feature: Feature) -> Rule:
    # Shares and discounts may be negative; counts, times and money may not.
    lowest = -LARGEST if feature.unit == "ratio" else 0
    return between(feature.name, lowest, LARGEST)


def _on_sale_check(build: Build) -> Check:
    return Check(
        name="on_sale",
        keys=("campaign_id", "product_id"),
        rules=(
            *required("campaign_id", "product_id", "price"),
            unique("campaign_id", "product_id"),
            between("price", 0, LARGEST),
            between("stock_left", 1),
        ),
        load=partial(_on_sale, build),
    )


def _answers(build: Build, model: FeatureModel) -> pd.DataFrame:
    """Return one row per question: a missing answer is a row of nulls, a double one two rows."""
    with _connect(build) as connection:
        _ask(connection, build, model)
        return connection.execute(
            f"from gate_spine left join {model.function}('gate_spine')"
            f" using ({', '.join(model.spine)}) order by all"
        ).df()


def _ask(connection: duckdb.DuckDBPyConnection, build: Build, model: FeatureModel) -> None:
    """Fill `gate_spine` with who and what was active; of very many with a part, chosen by hash."""
    bounds = {"start": build.interval.start, "end": build.interval.end}
    entity = [key for key in model.spine if key != "as_of"]
    listed, active = ", ".join(entity), ACTIVE[build.database]
    counted = connection.execute(f"select count(*) from ({active})", bounds).fetchall()
    share = counted[0][0] // (10 * MOST_ROWS) + 1
    connection.execute(
        f"""
        create temp table gate_spine as
        select {listed}, as_of
        from (
            select distinct {listed} from ({active}) where hash({entity[0]}) % {share} = 0
        ), gate_instant
        order by {listed} limit {MOST_ROWS}
        """,
        bounds,
    )


def _on_sale(build: Build) -> pd.DataFrame:
    with _connect(build) as connection:
        return connection.execute(
            "from daily.features.on_sale('gate_instant') order by campaign_id, product_id"
        ).df()


@contextmanager
def _connect(build: Build) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build, with `gate_instant`: when all of it is readable."""
    with frames.connect(build.file, spill=build.file.parent / "spill") as connection:
        connection.execute(f"set memory_limit = {frames.text(build.memory_limit)}")
        connection.execute(
            "create temp table gate_instant as"
            f" select available_at as as_of from {build.database}.features.build_info"
        )
        yield connection


def _times(build: Build) -> pd.DataFrame:
    """Return the newest instant of each relation with an `available_at`, and of the build."""
    name = build.database
    with _connect(build) as connection:
        relations = connection.execute(
            "select table_schema, table_name from information_schema.columns"
            " where table_catalog = $name and column_name = 'available_at'"
            " and table_schema = 'intermediate' order by all",
            {"name": name},
        ).fetchall()
        built = f"""
            select
                'build_info' as relation, data_end_at as latest_at,
                data_end_at = $end as is_known_by_then
            from {name}.features.build_info
        """
        newest = [
            f"""
            select
                '{table}' as relation, coalesce(max(r.available_at), any_value(b.available_at)),
                coalesce(max(r.available_at) <= any_value(b.available_at), true)
            from {name}.features.build_info as b left join {name}.{schema}.{table} as r on true
            """
            for schema, table in relations
        ]
        query = " union all ".join([built, *newest])
        return connection.execute(query, {"end": build.interval.end}).df()
