"""The words that suites are written in: one rule is one Great Expectations check of one frame.

Suites stay readable and quick to import: Great Expectations loads when a gate runs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pandas as pd

Severity = Literal["fail", "warn"]


@dataclass(frozen=True)
class Rule:
    """One expectation: the class of `great_expectations.expectations` and its arguments.

    A broken `fail` stops the line before anything is published; a broken `warn` is reported.
    """

    expectation: str
    arguments: dict[str, Any]
    severity: Severity = "fail"
    advice: str = ""
    """What to do about it, for who reads that it is broken."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rule reads."""
        given = self.arguments
        single = [given[name] for name in ("column", "column_A", "column_B") if name in given]
        return (*single, *given.get("column_list", ()))


@dataclass(frozen=True)
class Breach:
    """How many rows break a rule, how many it passes over as null, and the first broken ones.

    Each example maps the rule's columns and the columns that name a row to their values.
    """

    row_count: int
    null_count: int
    examples: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Sample:
    """Rows that stand for `row_count`; `breaches` says of each rule how these many keep it.

    Without `breaches` the rows are all there are.
    """

    rows: pd.DataFrame
    row_count: int
    breaches: tuple[Breach, ...] | None = None


@dataclass(frozen=True)
class Check:
    """One table under one name, the columns that name a row of it, and its rules.

    `load` returns the rows to check, or a sample of them, and only those of the interval.
    `may_be_empty` says that a table without rows is in order; otherwise zero rows checked is a
    failure.
    """

    name: str
    keys: tuple[str, ...]
    rules: tuple[Rule, ...]
    load: Callable[[], pd.DataFrame | Sample] = field(repr=False)
    may_be_empty: bool = False


def warn(rule: Rule) -> Rule:
    """Report the rule when it is broken, without stopping."""
    return replace(rule, severity="warn")


def advised(rule: Rule, advice: str) -> Rule:
    """Say beside a broken rule what to do about it."""
    return replace(rule, advice=advice)


def required(*columns: str) -> tuple[Rule, ...]:
    """None of the columns holds a null."""
    return tuple(Rule("ExpectColumnValuesToNotBeNull", {"column": name}) for name in columns)


def unique(*columns: str) -> Rule:
    """No two rows agree in all the columns."""
    if len(columns) == 1:
        return Rule("ExpectColumnValuesToBeUnique", {"column": columns[0]})
    return Rule("ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)})


def one_of(column: str, values: Iterable[Any]) -> Rule:
    """Every value that is not null is one of `values`."""
    return Rule("ExpectColumnValuesToBeInSet", {"column": column, "value_set": list(values)})


def true(column: str) -> Rule:
    """The column holds true in every row."""
    return one_of(column, [True])


def between(column: str, low: float | None = None, high: float | None = None) -> Rule:
    """Every number that is not null lies between the two, both included."""
    bounds = {"min_value": low, "max_value": high}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return Rule("ExpectColumnValuesToBeBetween", {"column": column, **given})


def matching(column: str, pattern: str) -> Rule:
    """Every text that is not null matches the regular expression."""
    return Rule("ExpectColumnValuesToMatchRegex", {"column": column, "regex": pattern})


def varying(column: str) -> Rule:
    """The column holds at least two different values."""
    return Rule("ExpectColumnUniqueValueCountToBeBetween", {"column": column, "min_value": 2})
