"""The leaderboard's tables as rows of text, for the terminal and for the page.

A cell that ends with `*` is the best of its column.
"""

from typing import Any

import numpy as np
import pandas as pd

from training.evaluation import oracle
from training.evaluation.leaderboard import (
    COVERED,
    GATE_METRIC,
    TOGETHER,
    best,
    order_holds,
    ordered,
)

ACCURACY = (GATE_METRIC, "recall_at_12", "ndcg_at_12", "hit_rate_at_12", "collective_auc")
FURTHER = (
    "recall_at_3",
    "recall_at_7",
    "precision_at_12",
    "needed_for_10_percent",
    "needed_for_50_percent",
    "needed_for_90_percent",
)
BEYOND = (
    "coverage",
    "share_of_top_1_percent",
    "novelty_at_12",
    "diversity_at_12",
    "margin_at_12",
)
FEWEST_LISTS = 30
"""A slice of fewer lists is named, not compared: its intervals would be all that one sees."""
DISTANCE_SLICES = ("all", "campaigns in their first hour", "new customers")
Table = list[list[str]]
Row = Any
"""A row of the leaderboard with its columns as attributes."""


def accuracy(rows: pd.DataFrame, slice_: str, reference: str) -> Table:
    """Compare the models on a slice of all weeks, with the difference to the reference."""
    table, cells = metrics(rows, slice_, ACCURACY), _cells(rows, slice_)
    differences = [compared(cells[model, GATE_METRIC]) for model, *_ in table[1:]]
    if not any(differences):
        return table
    title = f"{GATE_METRIC} less {reference}'s"
    return [[*line, end] for line, end in zip(table, [title, *differences], strict=True)]


def metrics(rows: pd.DataFrame, slice_: str, names: tuple[str, ...]) -> Table:
    """Show some metrics of a slice of all weeks, with half the interval where there is one."""
    cells = _cells(rows, slice_)
    known = [name for name in names if any(metric == name for _, metric in cells)]
    highest = best(rows[(rows["week"] == TOGETHER) & (rows["slice"] == slice_)])
    return [
        ["model", *known],
        *(
            [model, *(_marked(cells[model, name], highest[name]) for name in known)]
            for model in ordered(rows, slice_=slice_)
        ),
    ]


def slices(rows: pd.DataFrame, reference: str) -> Table:
    """Set the best other model of each slice that is large enough against the reference.

    Empty where there is no other model.
    """
    table = [["slice", "lists", reference, "best other", "", f"less {reference}'s", ""]]
    for name in sizes(rows)[0]:
        cells = _cells(rows, name)
        others = [m for m in ordered(rows, slice_=name) if m not in (reference, oracle.NAME)]
        if others and (reference, GATE_METRIC) in cells:
            own, other = cells[reference, GATE_METRIC], cells[others[0], GATE_METRIC]
            found = [figure(own), others[0], figure(other), compared(other), verdict(other)]
            found = ["", "", "", "", "no model finds any"] if missed(rows, name) else found
            table.append([spoken(name), f"{own.list_count:,}", *found])
    return table[1:] and table


def sizes(rows: pd.DataFrame) -> tuple[dict[str, int], dict[str, int]]:
    """Return the lists of each slice of all weeks: of those to compare, and of the small ones."""
    chosen = rows[rows["week"] == TOGETHER]
    most = chosen.groupby("slice", sort=False)["list_count"].max()
    counts = {str(name): int(count) for name, count in most.items()}
    large = {s: count for s, count in counts.items() if s == "all" or count >= FEWEST_LISTS}
    return large, {s: count for s, count in counts.items() if s not in large}


def small(rows: pd.DataFrame) -> str:
    """Name the slices that are too small to compare; nothing where there are none."""
    named = ", ".join(f"{spoken(name)} ({count:,})" for name, count in sizes(rows)[1].items())
    return f"Fewer than {FEWEST_LISTS} lists, too few to compare models: {named}." if named else ""


def missed(rows: pd.DataFrame, slice_: str) -> str:
    """Say so where no model has a hit in a slice of all weeks; nothing where one has."""
    cells = _cells(rows, slice_)
    hits = [row.value for (_, metric), row in cells.items() if metric == "hit_rate_at_12"]
    if not hits or max(hits) > 0:
        return ""
    nearest = max(
        (row for (_, metric), row in cells.items() if metric == "collective_auc"),
        key=lambda row: (row.value, row.model),
    )
    return (
        "No model has anything of it among the first twelve. Nearest comes"
        f" `{nearest.model}` with collective_auc {figure(nearest)} (chance: .5)."
    )


def distances(rows: pd.DataFrame) -> Table:
    """Show which share of the way from popularity to the oracle models cover, slice by slice.

    Empty where the truth is not known.
    """
    chosen = rows[(rows["week"] == TOGETHER) & (rows["metric"] == COVERED)]
    known = chosen[chosen["slice"].isin(DISTANCE_SLICES)].dropna(subset="value")
    if not len(known):
        return []
    figures = {(row.model, row.slice): figure(row) for row in known.itertuples()}
    names = known["slice"].drop_duplicates()
    return [
        ["model", *map(spoken, names)],
        *([model, *(figures.get((model, name), "") for name in names)] for model in ordered(rows)),
    ]


def weeks(rows: pd.DataFrame, metric: str = GATE_METRIC) -> Table:
    """Show a metric of all lists week by week."""
    chosen = rows[(rows["slice"] == "all") & (rows["metric"] == metric)]
    names = [*(w for w in chosen["week"].drop_duplicates() if w != TOGETHER), TOGETHER]
    cells = {(row.model, row.week): row for row in chosen.itertuples()}
    highest = chosen.groupby("week")["value"].max()
    return [
        ["model", *(name.removesuffix("T00:00:00Z") for name in names)],
        *(
            [model, *(_marked(cells[model, name], highest[name]) for name in names)]
            for model in ordered(rows)
        ),
    ]


def order(rows: pd.DataFrame) -> str:
    """Say whether the order of models in a week holds in the next one."""
    taus = order_holds(rows)
    if not taus:
        return ""
    mean = float(np.mean(taus))
    said = "holds" if mean >= 0.8 else "holds in part" if mean >= 0.5 else "does not hold"
    return (
        f"The order of models by {GATE_METRIC} {said} from week to week: Kendall's τ between a week"
        f" and the next is {', '.join(f'{tau:.2f}' for tau in taus)} (1: the same order; 0: chance;"
        " -1: the reverse)."
    )


def verdict(row: Row) -> str:
    """Say what a paired difference to the reference shows."""
    if row.difference_low > 0:
        return "better"
    if row.difference_high < 0:
        return "worse"
    return "the same" if row.difference_low == row.difference_high else "may be chance"


def figure(row: Row) -> str:
    """Write a value, with half of its 95 % interval where it has one."""
    if np.isnan(row.value):
        return "never" if row.metric.startswith("needed_for_") else ""
    if row.metric.startswith("needed_for_"):
        return f"{row.value:,.0f}"
    half = (row.high - row.low) / 2
    return short(row.value) + (f" ±{short(half)}" if np.isfinite(half) else "")


def compared(row: Row) -> str:
    """Write a difference with its bounds, or nothing where there is none."""
    if np.isnan(row.difference):
        return ""
    low, high = row.difference_low, row.difference_high
    return f"{short(row.difference, '+')} [{short(low, '+')}, {short(high, '+')}]"


def short(value: float, sign: str = "") -> str:
    """Write a figure without the zero before its point, as tables of metrics do."""
    return f"{value:{sign}.4f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:{sign}.4f}"


def spoken(name: str) -> str:
    """Write a name for readers: `is_big_spender` is `big spender`."""
    return name.removeprefix("is_").replace("_", " ")


def aligned(table: Table) -> list[str]:
    """Write a table as lines for a terminal: the first column to the left, others to the right."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]


def piped(table: Table, bold: str = "") -> str:
    """Write a table in Markdown; the row that begins with `bold` is in bold, as is what is best."""
    if not table:
        return ""
    head, *lines = table
    written = [head, ["---", *["---:"] * (len(head) - 1)]]
    for line in lines:
        cells = [f"**{c.removesuffix('*')}**" if c.endswith("*") else c for c in line]
        written.append([f"**{c}**" if c == bold else c for c in cells[:1]] + cells[1:])
    return "\n".join(f"| {' | '.join(line)} |" for line in written)


def _cells(rows: pd.DataFrame, slice_: str) -> dict[tuple[str, str], Row]:
    chosen = rows[(rows["week"] == TOGETHER) & (rows["slice"] == slice_)]
    return {(str(row.model), str(row.metric)): row for row in chosen.itertuples()}


def _marked(row: Row, highest: float) -> str:
    return figure(row) + ("*" if row.value == highest else "")
