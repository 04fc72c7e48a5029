"""Tables too large for a data frame: DuckDB counts what breaks each rule, and shows some of it.

A table of up to `MOST_ROWS` rows is checked whole by Great Expectations. Of a larger one it is
given the first rows; its pages and messages say what DuckDB found in all of them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from expectations import frames
from expectations.rules import Breach, Rule, Sample

MOST_ROWS = 100_000
FIRST_ROWS = 1_000
EXAMPLES = 5
UNIQUE = ("ExpectColumnValuesToBeUnique", "ExpectCompoundColumnsToBeUnique")


def load(query: str, keys: Sequence[str], rules: Sequence[Rule], spill: Path) -> Sample:
    """Run a query over Parquet files and return its rows, or a sample of very many.

    Parameters
    ----------
    query
        SQL without parameters.
    keys
        The columns that name a row; of many broken ones the first by these are shown.
    spill
        A folder for what does not fit in memory.
    """
    spill.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=spill) as folder, frames.connect(spill=Path(folder)) as connection:
        return of(connection, query, keys, rules)


def of(
    connection: duckdb.DuckDBPyConnection, query: str, keys: Sequence[str], rules: Sequence[Rule]
) -> Sample:
    """Run a query on a connection of its own and return its rows, or a sample; see `load`."""
    connection.execute(f"create temp view checked as {_without_nan(connection, query)}")
    row_count = _length(connection, "from checked")
    if row_count <= MOST_ROWS:
        return Sample(connection.execute("from checked").df(), row_count)
    first = connection.execute(f"from checked limit {FIRST_ROWS}").df()
    return Sample(first, row_count, _breaches(connection, keys, rules))


def _without_nan(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Turn NaN into null, as a data frame does."""
    # A file's statistics leave NaN out; DuckDB 2.0 concludes from them that there is none.
    connection.execute("set disabled_optimizers = 'statistics_propagation'")
    types = connection.execute(f"describe {query}").fetchall()
    floats = [name for name, kind, *_ in types if kind in ("FLOAT", "DOUBLE")]
    replaced = ", ".join(f"if(isnan({name}), null, {name}) as {name}" for name in floats)
    return f"select * replace ({replaced}) from ({query})" if floats else query


def _breaches(
    connection: duckdb.DuckDBPyConnection, keys: Sequence[str], rules: Sequence[Rule]
) -> tuple[Breach, ...]:
    """Count in one pass what can be told of a row alone; look for equal rows one rule at a time."""
    broken = ["null" if _is_unique(r) else f"count(*) filter (where {_breach(r)})" for r in rules]
    nulls = [f"count(*) filter (where {_is_null(r)})" for r in rules]
    (counts,) = connection.execute(f"select {', '.join([*broken, *nulls])} from checked").fetchall()
    found = []
    for rule, row_count, null_count in zip(rules, counts, counts[len(rules) :], strict=False):
        rows = _repeated(connection, rule) if _is_unique(rule) else _breaking(rule)
        total = _length(connection, rows) if _is_unique(rule) else row_count
        examples = _examples(connection, rows, rule, keys) if total else ()
        found.append(Breach(total, null_count, examples))
    return tuple(found)


def _examples(
    connection: duckdb.DuckDBPyConnection, rows: str, rule: Rule, keys: Sequence[str]
) -> tuple[dict[str, Any], ...]:
    names = list(dict.fromkeys([*rule.columns, *keys]))
    order = ", ".join(names if _is_unique(rule) else keys)
    query = f"select {', '.join(names)} from ({rows}) order by {order} limit {EXAMPLES}"
    return tuple(dict(zip(names, row, strict=True)) for row in connection.execute(query).fetchall())


def _is_null(rule: Rule) -> str:
    return " and ".join(f"{name} is null" for name in rule.columns)


def _length(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    ((count,),) = connection.execute(f"select count(*) from ({query})").fetchall()
    return int(count)


def _repeated(connection: duckdb.DuckDBPyConnection, rule: Rule) -> str:
    """Write a query for the rows that agree with another one in the rule's columns.

    Hashes are compared first: numbers of eight bytes instead of texts, many millions of times.
    """
    listed, given = ", ".join(rule.columns), f"not ({_is_null(rule)})"
    connection.execute(f"""
        create or replace temp table suspects as
        select hash({listed}) as suspect from checked where {given}
        group by all having count(*) > 1
    """)
    return f"""
        select * from checked where {given} and hash({listed}) in (select suspect from suspects)
        qualify count(*) over (partition by {listed}) > 1
    """


def _breaking(rule: Rule) -> str:
    return f"select * from checked where {_breach(rule)}"


def _is_unique(rule: Rule) -> bool:
    return rule.expectation in UNIQUE


def _breach(rule: Rule) -> str:
    """Write SQL that is true of a row that breaks the rule; a null breaks only `required`."""
    return BREACHES[rule.expectation](rule.arguments["column"], rule.arguments)


def _not_between(column: str, given: dict[str, Any]) -> str:
    beyond = [("<", given.get("min_value")), (">", given.get("max_value"))]
    return " or ".join(f"{column} {sign} {end!r}" for sign, end in beyond if end is not None)


def _not_in_set(column: str, given: dict[str, Any]) -> str:
    return f"{column} not in ({', '.join(_literal(value) for value in given['value_set'])})"


def _literal(value: Any) -> str:
    return frames.text(value) if isinstance(value, str) else str(value)


def _no_match(column: str, given: dict[str, Any]) -> str:
    return f"not regexp_matches({column}, {_literal(given['regex'])})"


BREACHES: dict[str, Callable[[str, dict[str, Any]], str]] = {
    "ExpectColumnValuesToNotBeNull": lambda column, _: f"{column} is null",
    "ExpectColumnValuesToBeInSet": _not_in_set,
    "ExpectColumnValuesToBeBetween": _not_between,
    "ExpectColumnValuesToMatchRegex": _no_match,
}
