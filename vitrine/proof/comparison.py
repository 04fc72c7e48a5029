"""Ask the published tables, and put what they say beside what the raw rows say."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from vitrine.errors import VitrineError
from vitrine.feature_catalogue import FeatureModel
from vitrine.proof import assortment
from vitrine.proof.assortment import ON_SALE
from vitrine.proof.questions import HISTORY, Question, ask_rows

Values = Mapping[str, float | str]
TOLERANCE = 1e-9
"""Relative: the functions add up decimals, but divide doubles in another order."""
FLOAT32_TOLERANCE = 1e-6
"""Relative: examples and inputs hold float32, which is what the network computes in."""


@dataclass(frozen=True)
class Difference:
    """A feature that does not say what the raw rows say; `size` is relative, infinite for text."""

    question: Question
    feature: str
    found: float | str
    expected: float | str
    size: float


@dataclass(frozen=True)
class Verdict:
    """What was compared of one function at one kind of instants."""

    model: str
    kind: str
    row_count: int
    feature_count: int
    largest: float
    differences: tuple[Difference, ...]


def answers(
    connection: duckdb.DuckDBPyConnection, model: FeatureModel, questions: list[Question]
) -> list[Values]:
    """Call a published function, once, for many questions; return the answers in their order.

    Raises
    ------
    VitrineError
        If the function lacks a feature of the catalogue, or does not answer each row once.
    """
    ask_rows(connection, questions)
    connection.execute(
        f"create or replace temp table asked as select distinct {', '.join(model.spine)}"
        " from asked_rows"
    )
    rows = connection.execute(
        f"select row_index, {', '.join(f.name for f in model.features)} from asked_rows"
        f" join {model.function}('asked') using ({', '.join(model.spine)}) order by row_index"
    ).fetchall()
    if [row[0] for row in rows] != list(range(len(questions))):
        raise VitrineError(f"{model.function} answered {len(rows)} of {len(questions)} rows")
    names = [feature.name for feature in model.features]
    return [dict(zip(names, row[1:], strict=True)) for row in rows]


def compare(
    connection: duckdb.DuckDBPyConnection,
    questions: Iterable[Question],
    expected: Mapping[Question, Values],
) -> list[Verdict]:
    """Compare values with the expected ones, function by function.

    What was learnt from and what was scored are the very rows; of history the functions are asked.
    """
    groups: dict[tuple[str, str], list[Question]] = defaultdict(list)
    for question in questions:
        groups[question.model.name, question.kind].append(question)
    verdicts = []
    for (name, kind), asked in groups.items():
        if kind != HISTORY:
            found, tolerance = [q.values for q in asked], FLOAT32_TOLERANCE
        elif name == ON_SALE.name:
            found, tolerance = list(assortment.answers(connection, asked)), TOLERANCE
        else:
            found, tolerance = answers(connection, asked[0].model, asked), TOLERANCE
        verdicts.append(_verdict(name, kind, asked, found, expected, tolerance))
    return verdicts


def _verdict(
    name: str,
    kind: str,
    asked: list[Question],
    found: list[Values],
    expected: Mapping[Question, Values],
    tolerance: float,
) -> Verdict:
    sizes = [
        Difference(question, feature, value, expected[question][feature], size)
        for question, values in zip(asked, found, strict=True)
        for feature, value in values.items()
        if (size := distance(value, expected[question][feature])) > 0
    ]
    return Verdict(
        model=name,
        kind=kind,
        row_count=len(asked),
        feature_count=len(found[0]),
        largest=max((d.size for d in sizes), default=0.0),
        differences=tuple(d for d in sizes if d.size > tolerance),
    )


def distance(found: float | str, expected: float | str) -> float:
    """Return how far two values are apart, relative to the expected one where that exceeds 1."""
    if isinstance(found, str) or isinstance(expected, str):
        return 0.0 if found == expected else math.inf
    if found is None or math.isnan(found):
        return math.inf
    return abs(found - expected) / max(1.0, abs(expected))
