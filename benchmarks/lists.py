"""python -m benchmarks.lists [--scale 0.01] [--folder …]

What a night's list costs for a million customers and 250 campaigns: who is written to, campaigns,
candidates of five sources, slates and stock for all at once, the gate that the list passes, the
files of the hand-off. Beside it, in the same run: DuckDB finding each customer's best campaigns of
the same scores, which is a small part of the work, and DuckDB writing the same columns as CSV.
Sizes and code are real, contents are drawn (`benchmarks.listed_shop`).
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks import measure
from benchmarks.markdown import keep
from benchmarks.options import out_option, scale_option
from vitrine.errors import VitrineError

PHASES = "benchmarks.lists_phases"
PARTS = (
    "prepare", "plain_top", "build", "home", "gate", "plain_csv", "export_csv", "export_all"
)  # fmt: skip
CUSTOMERS = 1_000_000
MOST_BUILD_S, MOST_CSV_S, MOST_BYTES = 600.0, 30.0, 8e9
GB = 1e9


@click.command()
@scale_option("Share of the size: 1 is a million customers.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where its files go, some GB at full size; a temporary one by default.",
)
@out_option("lists-<scale>")
def main(scale: float, folder: Path | None, out: Path) -> None:
    """Measure, print and keep the figures."""
    with tempfile.TemporaryDirectory() as temporary:
        figures = measured(int(CUSTOMERS * scale), folder or Path(temporary))
    text = "\n".join(table(figures)) + "\n"
    click.echo(text)
    keep(out, f"lists-{scale:g}", text, figures)


def measured(customers: int, folder: Path) -> dict[str, Any]:
    """Run each part in a process of its own; return their figures by name, and the machine's."""
    figures: dict[str, Any] = {
        "customers": customers,
        "machine": measure.machine() | {"load": round(os.getloadavg()[0], 1)},
    }
    for part in PARTS:
        click.echo(f"{part} …")
        try:
            figures[part] = measure.figures(PHASES, part, customers, folder)
        except VitrineError as error:
            raise click.ClickException(f"{part}: {error}") from None
    return figures


def table(figures: dict[str, Any]) -> Iterator[str]:
    """Return the figures as Markdown, the aims first."""
    machine, build = figures["machine"], figures["build"]
    million = figures["customers"] == CUSTOMERS
    yield f"# A night's list for {figures['customers']:,} customers and 250 campaigns"
    yield ""
    yield (
        f"{machine['cores']} cores, {machine['memory_bytes'] / GB:.0f} GB of memory, load average"
        f" {machine['load']} when it began. Contents are drawn, sizes and code are real:"
        f" {build['sale_lines']:,} sale lines, {figures['prepare']['scores']:,} scores,"
        f" {build['offers']:,} offers with limited stock."
    )
    yield ""
    yield "| | aim at a million | found | |"
    yield "|---|---|---|---|"
    made = build["calibrate_s"] + build["compose_s"] + build["stage_s"]
    rows = (
        ("chances learnt, list made and staged, s", MOST_BUILD_S, made),
        ("peak memory, GB", MOST_BYTES / GB, build["peak_memory_bytes"] / GB),
        ("CSV, s", MOST_CSV_S, figures["export_csv"]["seconds"]),
    )
    for words, limit, found in rows:
        verdict = ("met" if found <= limit else "**MISSED**") if million else ""
        yield f"| {words} | at most {limit:g} | {found:.1f} | {verdict} |"
    over = build["offers_over"] + build["campaigns_over"]
    yield f"| offers and campaigns promised beyond their stock | 0 | {over} | |"
    broken, rules = len(figures["gate"]["broken"]), figures["gate"]["rules"]
    yield f"| rules of the gate that are broken, of {rules} | 0 | {broken} | |"
    yield ""
    yield "| part | seconds | peak GB | |"
    yield "|---|---|---|---|"
    told = {
        "plain_top": "DuckDB alone: each customer's ten best of the scores",
        "build": f"{build['listed']:,} letters, {build['full_share']:.1%} with seven products",
        "gate": _gated(figures["gate"]),
        "plain_csv": "DuckDB alone: the same columns as one CSV, nothing made harmless",
        "export_csv": f"CSV by country, language and hour, {_gb(figures, 'export_csv')}",
        "export_all": f"Parquet, CSV and JSON lines, {_gb(figures, 'export_all')}",
    }
    for part, words in told.items():
        found = figures[part]
        seconds = made if part == "build" else found["seconds"]
        yield f"| {part} | {seconds:.1f} | {found['peak_memory_bytes'] / GB:.1f} | {words} |"


def _gated(gate: dict[str, Any]) -> str:
    rows = f"{gate['letters']:,} letters, {gate['rows']:,} rows with all that they show"
    return f"the gate: {rows}, {gate['cpu_s']:.1f} s of the processor"


def _gb(figures: dict[str, Any], part: str) -> str:
    return f"{figures[part]['bytes'] / GB:.2f} GB"


if __name__ == "__main__":
    main()
