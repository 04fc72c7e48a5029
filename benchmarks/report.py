"""The figures of `benchmarks.features` as a table, and as files under `benchmarks/results/`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks import reading

MB, GB = 1e6, 1e9
TITLES = {
    "history": "(a) full history: raw files to published features",
    "day": "(b) one more day",
    "quarter": "(c) one more quarter of an hour",
    "spark": "Spark's part of (a), from the lake's files",
}
AIMS = {
    # phase: seconds, bytes of memory, share of the rows that the full load read
    "history": (900.0, 8 * GB, None),
    "day": (60.0, None, 0.02),
    "quarter": (60.0, None, None),
}
COVERS = """\
"Same" compares every row and column of these tables, money to the cent. (a) user_days,
product_days, campaign_windows (of the months that the intraday warehouse keeps) and, per customer
at the end, orders, units, turnover, sessions, views and carts of 7, 30 and 365 days and the time
since the first and last purchase and the last visit. (b) that day's user_days and product_days, and
the same customer table a day later. (c) that quarter's campaign_windows, and per campaign the
turnover, units, views, visitors and carts of the last 15 minutes to 24 hours. Vitrine's time covers
all of its features, gates and publishing; a peer's covers these tables alone, without history,
gates or quarantine files."""


def table(
    figures: Mapping[str, Any],
    scale: float,
    machine: Mapping[str, float],
    settings: Mapping[str, Mapping[str, str]],
    outdated: Sequence[str] = (),
) -> str:
    """Return all figures as Markdown; those of `outdated` phases are marked."""
    head = _head(figures, scale, machine, settings)
    return "\n".join([*head, *_lines(figures, scale, outdated), "", COVERS]) + "\n"


def different(figures: Mapping[str, Any]) -> list[str]:
    """List whose answer was not the same, as phase and peer."""
    return [
        f"{phase} {who}".strip()
        for phase, it in figures.items()
        for who, found in [("", it), *it.items()]
        if isinstance(found, Mapping) and found.get("is_same") is False
    ]


def _head(
    figures: Mapping[str, Any],
    scale: float,
    machine: Mapping[str, float],
    settings: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    yield f"# Features of a large retailer: {scale:g} of the full size"
    yield ""
    yield f"{machine['cores']:.0f} cores, {machine['memory_bytes'] / GB:.0f} GB of memory."
    used = (f"{name} {of['used']} ({of['default']})" for name, of in settings.items())
    yield f"Settings, their defaults in brackets: {', '.join(used)}."
    if "simulate" in figures:
        yield _simulated(figures["simulate"])


def _lines(figures: Mapping[str, Any], scale: float, outdated: Sequence[str]) -> Iterator[str]:
    for phase, title in TITLES.items():
        if phase in figures:
            yield from _titled(title, phase in outdated)
            yield from _phase(figures[phase], phase, figures, scale)
    if "cluster" in figures:
        title = "A standalone cluster of two workers on this machine"
        yield from _titled(title, "cluster" in outdated)
        yield _clustered(figures["cluster"])


def _titled(title: str, is_outdated: bool) -> Iterator[str]:
    yield from ["", f"## {title}", ""]
    if is_outdated:
        yield from ["**Measured with other code or settings than these.**", ""]


def _simulated(it: Mapping[str, Any]) -> str:
    cost = it["vitrine"]
    return (
        f"The shop: {it['customers']:,} customers, {it['orders']:,} order lines, {it['events']:,}"
        f" events, simulated in {cost['seconds']:.0f} s ({it['rows'] / cost['seconds']:,.0f} rows"
        f" a second) with {cost['peak_memory_bytes'] / MB:,.0f} MB."
    )


def _phase(
    it: Mapping[str, Any], phase: str, figures: Mapping[str, Any], scale: float
) -> Iterator[str]:
    if "events_of_the_day" in it:
        yield from [f"The day holds {it['events_of_the_day']:,} events by its end.", ""]
    if "least" in it:
        least = it["least"]
        yield (
            f"At least {least['rows']:,} raw rows must be read, {least['bytes'] / MB:,.1f} MB"
            f" packed; unpacking them alone takes {least['seconds']:.1f} s on one core, so Vitrine"
            f" takes {it['vitrine']['seconds'] / max(least['seconds'], 0.1):,.0f} times that."
        )
        yield ""
    yield "| | seconds | peak MB | MB read | MB written | from disk | to disk | answer |"
    yield "|---|---:|---:|---:|---:|---:|---:|---|"
    for who in ("vitrine", "duckdb", "polars"):
        if who in it:
            yield _row(who, it[who])
    yield ""
    yield from _slower(it)
    if "stages" in it:
        yield from _stages(it["stages"])
        yield from _aims(it, phase, figures, scale)
    for peer in ("duckdb", "polars"):
        for line in it.get(peer, {}).get("same", []):
            yield f"- {peer}, {line}"


def _row(who: str, cost: Mapping[str, Any]) -> str:
    if "failed" in cost:
        return f"| {who} | failed: {cost['failed']} | | | | | | |"
    moved = ("peak_memory_bytes", "bytes_read", "bytes_written", "disk_bytes_read",
             "disk_bytes_written")  # fmt: skip
    cells = [f"{cost['seconds']:.1f}", *(f"{cost[name] / MB:,.0f}" for name in moved)]
    answer = "" if who == "vitrine" else "same" if cost["is_same"] else "DIFFERENT"
    return f"| {who} | {' | '.join(cells)} | {answer} |"


def _slower(it: Mapping[str, Any]) -> Iterator[str]:
    for peer in ("duckdb", "polars"):
        if "seconds" in it.get(peer, {}):
            times = it["vitrine"]["seconds"] / max(it[peer]["seconds"], 0.1)
            yield f"Against {peer}: {times:.1f} times as long."
    yield ""


def _stages(stages: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "| stage | seconds | rows | which |"
    yield "|---|---:|---:|---|"
    for run in stages:
        rows, which = (
            ("not counted", "")
            if run["rows_in"] is None
            else (f"{run['rows_in']:,}", reading.what(run["stage"]))
        )
        yield f"| {run['stage']} | {run['seconds']:.1f} | {rows} | {which} |"
    yield f"| together | | {reading.rows_read(stages):,} | a row counts once for each stage |"
    yield ""
    for name, base in reading.bases(stages).items():
        yield (
            f"The build began from a copy of {name}: {base['bytes'] / MB:,.0f} MB,"
            f" {base['rows']:,} rows in its tables. What its statements scan of these is not"
            " counted above."
        )
        yield ""


def _aims(
    it: Mapping[str, Any], phase: str, figures: Mapping[str, Any], scale: float
) -> Iterator[str]:
    seconds, memory, share = AIMS[phase]
    cost, is_full = it["vitrine"], scale == 1
    yield _aim("seconds", cost["seconds"], seconds, is_full)
    if memory is not None:
        yield _aim("GB of memory", cost["peak_memory_bytes"] / GB, memory / GB, is_full)
    if share is not None and "stages" in figures.get("history", {}):
        everything = reading.rows_read(figures["history"]["stages"])
        part = 100 * reading.rows_read(it["stages"]) / everything
        what = "% of the rows that all stages of (a) read together"
        yield _aim(what, part, 100 * share, is_full)
    yield ""


def _aim(what: str, found: float, aim: float, is_full: bool) -> str:
    if not is_full:
        return f"- aim at full size: {aim:g} {what}; found at this size {found:.1f}"
    return f"- aim: {aim:g} {what}; found {found:.1f}: {'met' if found <= aim else 'MISSED'}"


def _clustered(it: Mapping[str, Any]) -> str:
    same = "the same bytes" if it["is_same"] else "DIFFERENT bytes"
    return (
        f"`spark days` for 30 days: {it['local']['seconds']:.1f} s with local[2],"
        f" {it['cluster']['seconds']:.1f} s on the cluster; {same} in {it['files']:,} files."
    )
