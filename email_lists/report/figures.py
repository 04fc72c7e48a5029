"""The report's pictures: nights from left to right, a colour an arm."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from email_lists.judging.outcomes import PURCHASES
from email_lists.report.reading import Reported
from vitrine.figures import COLOURS, GREY, INK, REFERENCE_COLOUR, canvas, legend_handles, save
from vitrine.letters import HOLD_OUT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES, REACTIONS, UPLIFT = "sizes.png", "reactions.png", "uplift.png"
VARIETY, STOCK = "variety.png", "stock.png"
MOST_REASONS = 6
"""Reasons that have a colour of their own; the others are one."""
OTHERS = "other reasons"
HELD_OUT = "held out"
BINS = 10
_PALETTE = (*COLOURS, "#8c6d46", "#5f8a3a", REFERENCE_COLOUR)


def draw(reported: Reported, folder: Path) -> None:
    """Draw what there is to draw into a folder."""
    draw_sizes(reported, folder / SIZES)
    draw_reactions(reported, folder / REACTIONS)
    draw_variety(reported, folder / VARIETY)
    if not reported.why_no_uplift:
        draw_uplift(reported, folder / UPLIFT)
    if len(reported.stock):
        draw_stock(reported, folder / STOCK)


def arms_of(reported: Reported) -> dict[str, str]:
    """Return a colour for each arm, the largest first."""
    sizes = reported.arms.groupby("arm")["letter_count"].sum().sort_index()
    ordered = sizes.sort_values(ascending=False, kind="stable").index
    return {arm: _PALETTE[place % len(_PALETTE)] for place, arm in enumerate(ordered)}


def draw_sizes(reported: Reported, file: Path) -> None:
    """Draw how many are written to, by arm, and how many are not, by reason."""
    figure, (written, excluded) = canvas(10.0, 4.2, 1, 2)
    colours = arms_of(reported)
    counts = reported.arms.pivot_table("letter_count", "night", "arm", "sum", fill_value=0)
    held_out = reported.sizes.set_index("night")["held_out_count"]
    stacked = counts.reindex(held_out.index, fill_value=0)[list(colours)]
    stacked = stacked.assign(**{HELD_OUT: held_out})
    _stack(written, stacked, colours | {HELD_OUT: GREY})
    written.set_title("customers written to, by arm, or held out", loc="left", fontsize=10)
    reasons = _by_reason(reported.exclusions, list(stacked.index))
    shades = dict(zip(reasons.columns, (*_PALETTE, GREY), strict=False))
    _stack(excluded, reasons, shades)
    excluded.set_title("customers left out, by the first reason", loc="left", fontsize=10)
    save(figure, file)


def _by_reason(exclusions: pd.DataFrame, nights: list[date]) -> pd.DataFrame:
    """Count by night and reason; rare reasons together, and without the hold-out."""
    rest = exclusions[exclusions["exclusion"] != HOLD_OUT]
    totals = rest.groupby("exclusion")["customer_count"].sum().sort_values(ascending=False)
    named = list(totals.index[:MOST_REASONS])
    reason = rest["exclusion"].where(rest["exclusion"].isin(named), OTHERS)
    counts = rest.assign(exclusion=reason).pivot_table(
        "customer_count", "night", "exclusion", "sum", fill_value=0
    )
    columns = [name for name in (*named, OTHERS) if name in counts]
    return counts.reindex(nights, fill_value=0)[columns]


def _stack(axes: "Axes", counts: pd.DataFrame, colours: dict[str, str]) -> None:
    place_N = np.arange(len(counts))
    below_N = np.zeros(len(counts))
    for name, colour in colours.items():
        axes.bar(place_N, counts[name], bottom=below_N, color=colour, width=0.75)
        below_N = below_N + counts[name].to_numpy()
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0, 1.3 * max(below_N.max(initial=0), 1))
    _name_nights(axes, list(counts.index))
    spoken = {name.replace("_", " "): colour for name, colour in colours.items()}
    axes.legend(handles=legend_handles(axes, spoken), loc="upper left", ncols=3, frameon=False,
                fontsize=8)  # fmt: skip


def draw_reactions(reported: Reported, file: Path) -> None:
    """Draw the shares of sent letters that were opened, clicked and led to leaving."""
    figure, panels = canvas(10.0, 3.6, 1, 3)
    colours = arms_of(reported)
    nights = list(reported.sizes["night"])
    titles = {"open": "opened", "click": "clicked", "unsubscribe": "unsubscribed"}
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        for arm, colour in colours.items():
            of_arm = reported.arms[reported.arms["arm"] == arm].set_index("night")
            ratio_N = of_arm[f"{name}_ratio"].reindex(nights).to_numpy(float)
            axes.plot(np.arange(len(nights)), ratio_N, color=colour, marker="o", markersize=3)
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")
        axes.set_ylim(bottom=0)
        axes.margins(y=0.1)
        axes.set_title(f"{title}, of the letters sent", loc="left", fontsize=10)
        _name_nights(axes, nights)
        _shade(axes, reported, nights)
    figure.legend(handles=legend_handles(panels[0], colours), loc="outside upper center",
                  ncols=len(colours), frameon=False, fontsize=9)  # fmt: skip
    save(figure, file)


def draw_uplift(reported: Reported, file: Path) -> None:
    """Draw each arm's difference to the hold-out per customer, with its 95 % interval."""
    figure, panels = canvas(10.0, 3.2, 1, len(PURCHASES))
    colours = arms_of(reported)
    for axes, outcome in zip(panels, PURCHASES, strict=True):
        rows = _beside_hold_out(reported.uplifts, outcome).set_index("arm").reindex(list(colours))
        place_A = np.arange(len(rows))
        low_A = rows["difference"] - rows["difference_low"]
        high_A = rows["difference_high"] - rows["difference"]
        axes.axvline(0, color=INK, linewidth=0.8)
        for place, (arm, colour) in enumerate(colours.items()):
            spread = [[low_A[arm]], [high_A[arm]]]
            axes.errorbar(rows["difference"][arm], place, xerr=spread, fmt="o", color=colour,
                          markersize=5, linewidth=1.6)  # fmt: skip
        axes.set_yticks(place_A, list(colours))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        unit = f", {reported.currency}" if outcome == "turnover" else ""
        axes.set_xlabel(f"{outcome} per customer less those held out{unit}", fontsize=9)
        axes.grid(visible=False, axis="y")
    save(figure, file)


def _beside_hold_out(uplifts: pd.DataFrame, outcome: str) -> pd.DataFrame:
    return uplifts[(uplifts["control"] == HOLD_OUT) & (uplifts["outcome"] == outcome)]


def draw_variety(reported: Reported, file: Path) -> None:
    """Draw how much of the catalogue the nights show, and how much alike letters are."""
    titles = {
        "coverage_ratio": "products shown, of those on sale",
        "effective_product_count": "products, as if shown equally often",
        "brand_ratio": "brands per product in a letter",
        "top_campaign_ratio": "letters with the same first campaign",
    }
    figure, panels = canvas(10.0, 5.2, 2, 2)
    nights = list(reported.sizes["night"])
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        values = reported.sizes[name].to_numpy(float)
        axes.plot(np.arange(len(nights)), values, color=COLOURS[0], marker="o", markersize=3)
        if name != "effective_product_count":
            axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.set_ylim(0, 1.08 * max(np.nanmax(values, initial=0), 1e-9))
        axes.set_title(title, loc="left", fontsize=10)
        _name_nights(axes, nights)
    save(figure, file)


def draw_stock(reported: Reported, file: Path) -> None:
    """Draw expected beside real demand, and what became of the stock that letters showed."""
    figure, (demand, stock) = canvas(10.0, 4.0, 1, 2)
    expected_B, sold_B = binned(reported.stock)
    highest = 1.05 * max(expected_B.max(), sold_B.max(), 1e-9)
    demand.plot([0, highest], [0, highest], color=GREY, linewidth=1)
    demand.plot(expected_B, sold_B, color=COLOURS[0], marker="o", markersize=4)
    demand.set(xlim=(0, highest), ylim=(0, highest), xlabel="units expected per offer and night")
    demand.set_ylabel("units sold by letters")
    demand.set_title("demand, tenths of the offers by what was expected", loc="left", fontsize=10)
    known = reported.stock.dropna(subset="stock_left_count").groupby("night")
    nights = list(reported.sizes["night"])
    lines = {
        "expected of letters": ("expected_unit_count", GREY),
        "sold by letters": ("unit_count", COLOURS[1]),
        "sold on the day, to anybody": ("day_unit_count", COLOURS[0]),
    }
    columns = [name for name, _ in lines.values()]
    sums = known[["stock_left_count", *columns]].sum().reindex(nights)
    shares = sums[columns].div(sums["stock_left_count"], axis=0)
    for name, colour in lines.values():
        stock.plot(np.arange(len(nights)), shares[name], color=colour, marker="o", markersize=3)
    stock.yaxis.set_major_formatter(lambda share, _: f"{share:.1%}")
    stock.set_ylim(bottom=0)
    stock.set_title("of the stock that letters showed", loc="left", fontsize=10)
    colours = {name: colour for name, (_, colour) in lines.items()}
    stock.legend(handles=legend_handles(stock, colours), frameon=False, fontsize=9)
    _name_nights(stock, nights)
    _shade(stock, reported, nights)
    save(figure, file)


def binned(stock: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return mean expected and mean sold units of tenths of the offers, in order."""
    ordered = stock.sort_values(["expected_unit_count", "night", "campaign_id", "product_id"])
    parts = np.array_split(np.arange(len(ordered)), min(BINS, len(ordered)))
    expected, sold = (ordered[n].to_numpy(float) for n in ("expected_unit_count", "unit_count"))
    return (
        np.array([expected[part].mean() for part in parts]),
        np.array([sold[part].mean() for part in parts]),
    )


def _name_nights(axes: "Axes", nights: list[date]) -> None:
    step = -(-len(nights) // 8)
    places = range(0, len(nights), step)
    axes.set_xticks(list(places), [f"{nights[place]:%m-%d}" for place in places])
    axes.set_xlim(-0.6, len(nights) - 0.4)


def _shade(axes: "Axes", reported: Reported, nights: list[date]) -> None:
    """Mark the nights whose figures will still grow."""
    if reported.counting_since in nights:
        first = nights.index(reported.counting_since)
        axes.axvspan(first - 0.5, len(nights) - 0.5, color="#f0e6d2", zorder=0)
