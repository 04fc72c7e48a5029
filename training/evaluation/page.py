"""The leaderboard as text, as a page and as pictures."""

from pathlib import Path

import numpy as np
import pandas as pd

from training.evaluation.leaderboard import GATE_METRIC, TOGETHER, Judged, order_holds

SHOWN = ("map_at_12", "recall_at_12", "ndcg_at_12", "hit_rate_at_12", "collective_auc")


def overall(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each model's metrics on all lists of all weeks: models x metrics."""
    chosen = rows[(rows["week"] == TOGETHER) & (rows["slice"] == "all")]
    return chosen.pivot(index="model", columns="metric", values="value")


def text(values: pd.DataFrame) -> str:
    """Write models x metrics as lines, best first."""
    table = values[list(SHOWN)].sort_values(GATE_METRIC, ascending=False)
    header = f"{'model':<20}" + "".join(f"{name:>16}" for name in SHOWN)
    lines = [
        f"{model:<20}" + "".join(f"{value:>16.4f}" for value in values)
        for model, values in zip(table.index, table.to_numpy(), strict=True)
    ]
    return "\n".join([header, *lines])


def markdown(rows: pd.DataFrame) -> str:
    """Write a table per slice, all weeks together, the gate's metric with its interval."""
    together = rows[rows["week"] == TOGETHER]
    names = together["slice"].drop_duplicates()
    parts = [_slice(name, together[together["slice"] == name]) for name in names]
    taus = ", ".join(f"{tau:.2f}" for tau in order_holds(rows))
    if taus:
        parts.append(f"Kendall's τ between a week's order of models and the next week's: {taus}.")
    return "\n\n".join(parts) + "\n"


def _slice(name: str, rows: pd.DataFrame) -> str:
    values = rows.pivot(index="model", columns="metric", values="value")
    values = values.sort_values(GATE_METRIC, ascending=False)
    bounds = rows[rows["metric"] == GATE_METRIC].set_index("model")
    lines = [
        f"## {name[0].upper()}{name[1:]}: {bounds['list_count'].max():,} lists",
        f"| model | {' | '.join(SHOWN)} | 95 % of {GATE_METRIC} |",
        "|---" * (len(SHOWN) + 2) + "|",
    ]
    for model in values.index:
        shown = " | ".join(f"{values.loc[model, metric]:.4f}" for metric in SHOWN)
        low, high = bounds.loc[model, ["low", "high"]]
        lines.append(f"| {model} | {shown} | {low:.4f} – {high:.4f} |")
    return "\n".join([lines[0], "", *lines[1:]])


def write(rows: pd.DataFrame, judged: list[Judged], folder: Path) -> None:
    """Write `leaderboard.md` and the curves beside it."""
    (folder / "leaderboard.md").write_text(markdown(rows))
    draw_curves(judged, folder / "cumulative_rank.png")


def draw_curves(judged: list[Judged], file: Path) -> None:
    """Draw the share of purchases found over the number of recommendations shown.

    Heinz, Bracher and Vollgraf (2017), figure 3.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for model in dict.fromkeys(each.model for each in judged):
        ranks = [each.judgement.ranks for each in judged if each.model == model]
        rank_P = np.sort(np.concatenate([part.rank_P for part in ranks]))
        longest = max(int(part.count_L.max()) for part in ranks)
        shown = np.unique(np.geomspace(1, longest, 200).astype(np.int64))
        found = np.searchsorted(rank_P, shown, side="right") / len(rank_P)
        axes.plot(shown, found, label=model, linewidth=1.2)
    axes.set(xscale="log", xlabel="recommendations shown", ylabel="share of purchases found")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(file, dpi=150)
