"""The leaderboard as pictures: PNG files, the same bytes for the same figures.

Few models have a colour: the reference and the next best ones. The others stay grey, so that one
sees how they lie without having to tell twenty lines apart.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from training.evaluation.leaderboard import TOGETHER, Judged, ordered
from training.evaluation.tables import sizes, spoken
from vitrine.figures import COLOURS, GREY, INK, REFERENCE_COLOUR, canvas, legend_handles, save

CURVES, SLICES, LEARNING = "cumulative_rank.png", "recall_by_slice.png", "learning_curves.png"
POINTS, FIRST = 300, 60
RECALL = "recall_at_12"


def draw(rows: pd.DataFrame, judged: list[Judged], reference: str, folder: Path) -> list[str]:
    """Draw what there is to draw into a folder; return the files' names."""
    colours = coloured(rows, reference)
    draw_curves(judged, colours, folder / CURVES)
    draw_slices(rows, colours, folder / SLICES)
    learnt = [each for each in judged if each.curves]
    if learnt:
        draw_learning(learnt, folder / LEARNING)
    return [CURVES, SLICES, *([LEARNING] if learnt else [])]


def coloured(rows: pd.DataFrame, reference: str) -> dict[str, str]:
    """Return the colours of the reference and the next best models, best first."""
    best = ordered(rows)
    others = [model for model in best if model != reference][: len(COLOURS)]
    colours = dict(zip(others, COLOURS, strict=False)) | {reference: REFERENCE_COLOUR}
    return {model: colours[model] for model in best if model in colours}


def draw_curves(judged: list[Judged], colours: dict[str, str], file: Path) -> None:
    """Draw the share of purchases found over the number of recommendations shown.

    Heinz, Bracher and Vollgraf (2017), figure 3; to the left its beginning, which is what customers
    see.
    """
    shown, found = _cumulated(judged)
    grey = [model for model in found if model not in colours]
    figure, panels = canvas(10.0, 4.6, 1, 2)
    for axes in panels:
        for model in [*grey, *reversed(colours)]:
            is_reference = colours.get(model) == REFERENCE_COLOUR
            width = 2.4 if is_reference else 1.5 if model in colours else 0.9
            axes.plot(shown, found[model], color=colours.get(model, GREY), linewidth=width)
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    first, whole = panels
    nearest = min(FIRST, shown[-1])
    highest = max(values[shown <= nearest].max() for values in found.values())
    first.set(xlim=(0, nearest), ylim=(0, 1.05 * highest), ylabel="purchases found")
    whole.set(xscale="log", xlim=(1, shown[-1]), ylim=(0, 1))
    whole.xaxis.set_major_formatter("{x:,.0f}")
    figure.supxlabel(
        "recommendations shown to each customer (right: all, logarithmic)", fontsize=10
    )
    named = colours | ({f"{len(grey)} other models": GREY} if grey else {})
    whole.legend(handles=legend_handles(whole, named), loc="upper left", frameon=False, fontsize=9)
    save(figure, file)


def _cumulated(judged: list[Judged]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return numbers of recommendations, and each model's share of purchases found by them."""
    models = dict.fromkeys(each.model for each in judged)
    longest = max(int(each.judgement.ranks.count_L.max()) for each in judged)
    early = np.arange(1, min(FIRST, longest) + 1)
    shown = np.union1d(early, np.geomspace(1, longest, POINTS).astype(np.int64))
    found = {}
    for model in models:
        parts = [each.judgement.ranks.rank_P for each in judged if each.model == model]
        rank_P = np.sort(np.concatenate(parts))
        found[model] = np.searchsorted(rank_P, shown, side="right") / len(rank_P)
    return shown, found


def draw_slices(rows: pd.DataFrame, colours: dict[str, str], file: Path) -> None:
    """Draw recall by slice, all weeks together: a dot a model, with its 95 % interval."""
    chosen = rows[(rows["week"] == TOGETHER) & (rows["metric"] == RECALL)]
    counts, _ = sizes(rows)
    chosen = chosen[chosen["slice"].isin(counts)]
    figure, (axes,) = canvas(8.0, 1.0 + 0.5 * len(counts))
    place_S = np.arange(len(counts))
    offsets = np.linspace(-0.3, 0.3, len(colours)) if len(colours) > 1 else [0.0]
    for offset, (model, colour) in zip(offsets, colours.items(), strict=True):
        each = chosen[chosen["model"] == model].set_index("slice").reindex(list(counts))
        spread = [each["value"] - each["low"], each["high"] - each["value"]]
        axes.errorbar(each["value"], place_S + offset, xerr=spread, fmt="o", color=colour,
                      markersize=4, linewidth=1.3)  # fmt: skip
    axes.hlines(place_S[1:] - 0.5, 0, 1, color="#e6e6e6", linewidth=0.8)
    axes.set_yticks(place_S, [f"{spoken(name)}  {count:,}" for name, count in counts.items()])
    axes.set(ylim=(len(counts) - 0.5, -0.5), xlim=(0, 1.05 * chosen["high"].max()))
    axes.set(xlabel="recall at 12 with its 95 % interval; lists beside each slice")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    figure.legend(handles=legend_handles(axes, colours), loc="outside upper center",
                  ncols=len(colours), frameon=False, fontsize=9)  # fmt: skip
    save(figure, file)


def draw_learning(learnt: list[Judged], file: Path) -> None:
    """Draw the losses of each model that learns in epochs: a panel a model, a line a week."""
    from matplotlib.ticker import MaxNLocator

    models = list(dict.fromkeys(each.model for each in learnt))
    names = list(dict.fromkeys(name for each in learnt for name in each.curves))
    colours = dict(zip(names, (REFERENCE_COLOUR, *COLOURS), strict=False))
    columns = min(len(models), 3)
    lines = -(-len(models) // columns)
    figure, panels = canvas(8.0, 0.6 + 2.4 * lines, lines, columns)
    for axes, model in zip(panels, models, strict=False):
        for each in (each for each in learnt if each.model == model):
            for name, values in each.curves.items():
                epochs = np.arange(1, len(values) + 1)
                axes.plot(epochs, values, color=colours.get(name, INK), linewidth=1.2, alpha=0.7)
        axes.set_title(model, loc="left", fontsize=10)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in panels[len(models) :]:
        axes.set_visible(False)
    figure.supxlabel("epoch", fontsize=10)
    figure.legend(handles=legend_handles(panels[0], colours), loc="outside upper center",
                  ncols=len(colours), frameon=False, fontsize=9)  # fmt: skip
    save(figure, file)
