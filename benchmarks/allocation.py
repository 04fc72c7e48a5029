"""python -m benchmarks.allocation [--customers 5000] [--shops 5] [--largest 1000000]

What limited stock brings when it goes where it is worth most, beside greedy ways, in simulated
shops whose true demand is known; and what it costs for a large shop. Every figure but seconds and
memory is drawn from seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import click
import numpy as np

from benchmarks.allocated_shop import PLACES, Night, greedily, night
from benchmarks.allocation_bound import best_possible
from benchmarks.markdown import table
from benchmarks.measure import figures, machine
from benchmarks.ranked_shop import RankedNight, ranked_night
from email_lists.slates.allocation import allocate
from email_lists.slates.places import Candidates, Offers, choose
from vitrine.list_policy import ListPolicy
from vitrine.simulator.shop import Shop

FOUNDED_ON = date(2026, 1, 5)
DAYS = 40
DRAWS = 50
BOUNDED = 2_000
"""Customers of the shop whose linear programme is solved."""
FACTORS = (0.5, 1.0, 1.5, 2.0)
WORTH_WEIGHT = ListPolicy().allocation.worth_weight
UNLIMITED, SCORE, WORTH, ALLOCATED, AS_LISTS = (
    "whatever the stock",
    "greedy, highest chance first",
    "greedy, highest chance × worth first",
    "allocated",
    f"allocated, worth counting {WORTH_WEIGHT:.0%}",
)
AIMS = {"seconds": 120.0, "memory_bytes": 2 * 2**30, "gain": 0.05}


@dataclass(frozen=True)
class Outcome:
    """What one way made of a night."""

    way: str
    sold: float
    """Worth of what was sold while stock lasted."""
    over_count: int
    """Offers that were promised beyond stock × factor, by what the shop believes."""
    short_units: float
    """Units expected in truth beyond the stock: promised, and not there."""
    empty_share: float


def outcomes(of: Night, factor: float = 1.0) -> list[Outcome]:
    """Let every way serve the night."""
    offers = of.offers(factor)
    return [_judged(of, offers, way, choosing(of, offers)) for way, choosing in WAYS.items()]


def _judged(of: Night, offers: Offers, way: str, chosen_NK: np.ndarray) -> Outcome:
    believed_O = of.expected_O(chosen_NK, of.candidates.probability_NC)
    true_O = of.expected_O(chosen_NK, of.true_NC)
    return Outcome(
        way,
        of.sold(chosen_NK, DRAWS),
        int((believed_O > offers.room_O * (1 + 1e-9)).sum()),
        float(np.maximum(true_O - of.stock_O, 0).sum()),
        float((chosen_NK < 0).mean()),
    )


def _allocated(of: Night, offers: Offers) -> np.ndarray:
    return allocate(of.candidates, offers, PLACES, seed=7).chosen_NK


def _as_lists(of: Night, offers: Offers) -> np.ndarray:
    """Let worth count as in lists by default, see `email_lists.slates.slate`."""
    usual = np.median(offers.worth_O)
    value_O = (usual * (offers.worth_O / usual) ** WORTH_WEIGHT).astype(np.float32)
    gain_NC = of.candidates.probability_NC * value_O[of.candidates.offer_NC]
    return allocate(replace(of.candidates, gain_NC=gain_NC), offers, PLACES, seed=7).chosen_NK


def _unlimited(of: Night, offers: Offers) -> np.ndarray:
    return choose(of.candidates, offers, PLACES, np.zeros(offers.worth_O.size))


def _by_chance(of: Night, offers: Offers) -> np.ndarray:
    return greedily(of, offers, lambda candidates: candidates.probability_NC)


def _by_worth(of: Night, offers: Offers) -> np.ndarray:
    def key(candidates: Candidates) -> np.ndarray:
        return candidates.gains(offers)

    return greedily(of, offers, key)


WAYS: dict[str, Callable[[Night, Offers], np.ndarray]] = {
    UNLIMITED: _unlimited,
    SCORE: _by_chance,
    WORTH: _by_worth,
    ALLOCATED: _allocated,
    AS_LISTS: _as_lists,
}


def value_page(nights: list[Night], title: str) -> str:
    """Lay out what the ways sold, as shares of the greedy way by chance."""
    of_nights = [{o.way: o for o in outcomes(of)} for of in nights]
    rows = []
    for way in WAYS:
        each = [found[way] for found in of_nights]
        more = [found[way].sold / found[SCORE].sold - 1 for found in of_nights]
        beside = [found[way].sold / found[WORTH].sold - 1 for found in of_nights]
        rows.append(
            (
                way,
                f"{np.mean([o.sold for o in each]):,.0f}",
                _spread(more),
                _spread(beside),
                f"{np.mean([o.over_count for o in each]):.1f}",
                f"{np.mean([o.short_units for o in each]):,.0f}",
                f"{np.mean([o.empty_share for o in each]):.1%}",
            )
        )
    head = (
        "way",
        "sold, margin",
        f"beside {SCORE!r}",
        f"beside {WORTH!r}",
        "offers over",
        "units short",
        "places empty",
    )
    gain = float(np.mean([found[AS_LISTS].sold / found[SCORE].sold - 1 for found in of_nights]))
    verdict = f"{gain:+.1%}, aim {AIMS['gain']:+.0%} or more: {_met(gain >= AIMS['gain'])}"
    return table(title, head, rows) + f"\nAs lists do by default, beside {SCORE!r}: {verdict}.\n"


def factor_page(nights: list[Night]) -> str:
    """Lay out what is sold when more or less than the stock is promised."""
    rows = []
    for factor in FACTORS:
        each = [
            _judged(of, of.offers(factor), ALLOCATED, _allocated(of, of.offers(factor)))
            for of in nights
        ]
        rows.append(
            (
                f"{factor:g}",
                f"{np.mean([o.sold for o in each]):,.0f}",
                f"{np.mean([o.short_units for o in each]):,.0f}",
                f"{np.mean([o.empty_share for o in each]):.1%}",
            )
        )
    head = ("factor", "sold, margin", "units short", "places empty")
    return table("Promising more or less than the stock, allocated", head, rows)


RANKED_WAYS: dict[str, Callable[[RankedNight, float], np.ndarray]] = {
    "as ranked, whatever the stock": RankedNight.as_ranked,
    SCORE: RankedNight.greedily,
    "as lists do": RankedNight.limited,
}


def ranked_page(nights: list[RankedNight], title: str) -> str:
    """Lay out what ten ranked campaigns a letter sell by each way, and by factors of the stock."""
    rows = []
    told = [(way, 1.0) for way in RANKED_WAYS] + [("as lists do", f) for f in FACTORS if f != 1]
    before = [of.sold(of.as_ranked(1.0), DRAWS) for of in nights]
    for way, factor in told:
        each = [(of, RANKED_WAYS[way](of, factor)) for of in nights]
        found = [of.sold(chosen_NT, DRAWS) for of, chosen_NT in each]
        over = [
            int((of.expected_K(chosen_NT) > factor * of.left_K * (1 + 1e-9)).sum())
            for of, chosen_NT in each
        ]
        more = [
            [f / b - 1 for f, b in zip(*both, strict=True)]
            for both in zip(found, before, strict=True)
        ]
        rows.append(
            (
                way,
                f"{factor:g}",
                f"{np.mean([sold for sold, _ in found]):,.0f}",
                _spread([worth for worth, _ in more]),
                _spread([pieces for _, pieces in more]),
                f"{np.mean(over):.1f}",
                f"{np.mean([(chosen_NT < 0).mean() for _, chosen_NT in each]):.1%}",
            )
        )
    head = (
        "way",
        "factor",
        "sold, margin",
        "beside as ranked",
        "pieces, beside as ranked",
        "campaigns over",
        "places empty",
    )
    return table(title, head, rows)


def bound_page(of: Night) -> str:
    """Lay out what is expected as a share of the most that is possible."""
    offers = of.offers()
    most = best_possible(of.candidates, offers, PLACES)
    rows = []
    for way in (SCORE, WORTH, ALLOCATED, AS_LISTS):
        expected_O = of.expected_O(WAYS[way](of, offers), of.candidates.probability_NC)
        rows.append((way, f"{expected_O @ offers.worth_O / most:.1%}"))
    title = f"Beside the linear programme, one shop of {of.candidates.count:,} customers"
    return table(title, ("way", "expected, of the most that is possible"), rows)


def cost_page(customers: int) -> str:
    """Measure the allocation of a large shop, in a process of its own."""
    found = figures("benchmarks.allocation_phases", customers)
    memory, limit = found["peak_memory_bytes"] / 2**30, AIMS["memory_bytes"] / 2**30
    rows = [
        (
            "seconds",
            f"{found['seconds']:.0f}",
            f"{AIMS['seconds']:.0f}",
            _met(found["seconds"] <= AIMS["seconds"]),
        ),
        ("peak memory, GiB", f"{memory:.2f}", f"{limit:g}", _met(memory <= limit)),
        ("offers over their room", str(found["over"]), "0", _met(found["over"] == 0)),
    ]
    shape = f"{found['customers']:,} customers × {found['candidates']} candidates"
    title = f"Cost: {shape}, {found['offers']:,} offers, {found['scarce']:,} of them scarce"
    return table(title, ("", "found", "aim", ""), rows)


def _ranked(shops: list[Shop], *, is_known: bool) -> tuple[list[RankedNight], str]:
    how = "known to the shop" if is_known else "guessed, guesses calibrated"
    nights = [ranked_night(shop, DAYS, is_known) for shop in shops]
    return nights, f"Ten ranked campaigns a letter, true demand {how}"


def _spread(shares: list[float]) -> str:
    return f"{np.mean(shares):+.1%} ({min(shares):+.1%} to {max(shares):+.1%})"


def _met(is_met: bool) -> str:
    return "met" if is_met else "missed"


@click.command()
@click.option("--customers", default=5_000, show_default=True)
@click.option("--shops", default=5, show_default=True)
@click.option("--largest", default=1_000_000, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path))
def main(customers: int, shops: int, largest: int, out: Path | None) -> None:
    """Measure, and write the page."""
    each = [Shop.of_size(seed, customers, FOUNDED_ON) for seed in range(1, shops + 1)]
    known, guessed = ([night(shop, DAYS, is_known) for shop in each] for is_known in (True, False))
    cores, memory = machine()["cores"], machine()["memory_bytes"] / 2**30
    told = f"{shops} shops of {customers:,} customers, day {DAYS}; mean (lowest to highest shop)."
    pages = [
        f"# Allocation of limited stock\n\n{told} Machine: {cores} cores, {memory:.0f} GiB.\n",
        value_page(known, "True demand known to the shop"),
        value_page(guessed, "True demand guessed, guesses calibrated on another day's purchases"),
        factor_page(known),
        bound_page(night(Shop.of_size(1, BOUNDED, FOUNDED_ON), DAYS, is_known=True)),
        ranked_page(*_ranked(each, is_known=True)),
        ranked_page(*_ranked(each, is_known=False)),
        cost_page(largest),
    ]
    page = "\n".join(pages)
    click.echo(page)
    if out:
        out.write_text(page)


if __name__ == "__main__":
    main()
