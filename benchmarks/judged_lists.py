"""A simulated shop that mails lists with arms and a hold-out, and the same shop with other lists.

What an arm changes is known: the shop is played again with that arm for everybody, and with letters
for nobody. Nothing is written. Shape legend: M customers who may be written to, J campaigns.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.judged_shop import FORGETTING, sale_lines
from email_lists.audience.arms import draws
from email_lists.judging.off_policy import Bounded
from email_lists.judging.policies import Judged, judged_arm
from email_lists.judging.uplift import difference
from vitrine.letters import HOLD_OUT, LETTERS
from vitrine.simulator import taste
from vitrine.simulator.shop import Shop
from vitrine.simulator.simulation import Simulation
from vitrine.simulator.taste import Offer

WANTED, ANY = "wanted", "any"
SHARES = {HOLD_OUT: 0.2, WANTED: 0.4, ANY: 0.4}
STRATEGIES = {WANTED: "selection", ANY: "popular"}
BEFORE = timedelta(days=7)
"""Days of the shop's own newsletter before the first night."""
NIGHTS = 7
SHOWN = 6
PLENTY = 1_000_000
NOISE = 0.7
"""Of the ranker behind the letters that show what is wanted."""


@dataclass(frozen=True)
class Told:
    """What one shop's lists tell, beside what is true of the shop."""

    is_limited: bool
    """Whether the shop's stock is."""
    uplift: Bounded
    """Order lines per customer: the arm of what is wanted beside the hold-out."""
    true_uplift: float
    """The same of everybody in that arm, less everybody held out."""
    clicks: Judged
    """Letters clicked per customer if everybody got what is wanted."""
    true_clicks: float


@dataclass(frozen=True)
class _World:
    """What happened with certain letters."""

    lines_M: np.ndarray
    lines_before_M: np.ndarray
    letters: pa.Table
    """As `policies.judged_arm` takes them, for clicks."""


def told(shop: Shop, is_limited: bool, nights: int = NIGHTS) -> Told:
    """Let a shop mail by arms, judge it, and play it again with what was judged.

    Where stock is not limited, no customer takes anything from another.
    """
    shop = replace(shop, lists_since=shop.founded_on + BEFORE)
    shown = _shown(shop, nights)
    ids = sorted({customer_id for _, customer_id in shown})
    until_A = np.cumsum(list(SHARES.values()))[:-1]
    arm_M = np.array(list(SHARES))[
        np.searchsorted(until_A, draws(f"arm:{shop.seed}", ids), "right")
    ]
    by_arm, wanted, nobody = (
        _played(shop, shown, dict(zip(ids, arms_M, strict=True)), nights, is_limited)
        for arms_M in (arm_M, np.full(len(ids), WANTED), np.full(len(ids), HOLD_OUT))
    )
    is_in_M, is_out_M = arm_M == WANTED, arm_M == HOLD_OUT
    lines_M, before_M = by_arm.lines_M, by_arm.lines_before_M
    clicked = wanted.letters["clicked_at"]
    found = difference(lines_M[is_in_M], lines_M[is_out_M], before_M[is_in_M], before_M[is_out_M])
    return Told(
        is_limited,
        Bounded(found.difference, found.difference_low, found.difference_high),
        float((wanted.lines_M - nobody.lines_M).mean()),
        judged_arm(WANTED, by_arm.letters, "clicked"),
        (len(clicked) - clicked.null_count) / len(pc.unique(wanted.letters["customer_id"])),
    )


def _shown(shop: Shop, nights: int) -> dict[tuple[date, str], dict[str, list[str]]]:
    """Say, by night and customer, which campaigns each arm's letter shows, the first ones first.

    The ranker is a middling one: it knows what is wanted but for noise, and no letter's effect.
    """
    simulation = Simulation(shop, since=FORGETTING)
    people, guesses = simulation.people, shop.draws("guesses")
    first = shop.founded_on + BEFORE
    may_be_written_to_N = people.is_known_at_founding_N & people.allows_email_N
    found: dict[tuple[date, str], dict[str, list[str]]] = {}

    def observe(
        day: date, market: int, offer: Offer, customer_N: np.ndarray, bought_NJ: np.ndarray
    ) -> None:
        if day < first:
            return
        kept = may_be_written_to_N[customer_N]
        liking_MJ = taste.utility(people, customer_N[kept], offer, bought_NJ[kept])
        liking_MJ += NOISE * guesses.normal(size=liking_MJ.shape)
        liked_MJ = np.argsort(-liking_MJ, axis=1)[:, :SHOWN]
        any_MJ = np.argsort(guesses.random(liking_MJ.shape), axis=1)[:, :SHOWN]
        campaigns = np.array([campaign.id for campaign in offer.campaigns])
        ids = people.ids_of(customer_N[kept]).to_pylist()
        for customer_id, liked_J, any_J in zip(ids, liked_MJ, any_MJ, strict=True):
            of_arm = {WANTED: campaigns[liked_J].tolist(), ANY: campaigns[any_J].tolist()}
            found[day, customer_id] = of_arm

    simulation.observe_with(observe)
    while simulation.next_day < first + timedelta(days=nights):
        simulation.advance()
    return found


def _played(
    shop: Shop,
    shown: dict[tuple[date, str], dict[str, list[str]]],
    arms: dict[str, str],
    nights: int,
    is_limited: bool,
) -> _World:
    """Play the shop with the letters of some arms: what is bought and clicked."""
    rows = [
        _letter(customer_id, night, arms[customer_id], of_arm[arms[customer_id]])
        for (night, customer_id), of_arm in shown.items()
        if arms[customer_id] != HOLD_OUT
    ]
    letters = pa.Table.from_pylist(rows, schema=LETTERS.schema)
    simulation = Simulation(shop, since=0, letters=letters)
    if not is_limited:
        simulation.observe_with(_refill)
    first = shop.founded_on + BEFORE
    last = first + timedelta(days=nights)
    while simulation.next_day <= last:
        simulation.advance()
    lines = sale_lines(simulation)
    spans = (first, last), (shop.founded_on, first)
    after_M, before_M = (
        lines[lines["occurred_at"].between(start.isoformat(), end.isoformat(), "left")]
        .groupby("customer_id")
        .size()
        .reindex(list(arms), fill_value=0)
        .to_numpy(np.float64)
        for start, end in spans
    )
    return _World(after_M, before_M, _with_clicks(letters, simulation))


def _refill(
    day: date, market: int, offer: Offer, customer_N: np.ndarray, bought_NJ: np.ndarray
) -> None:
    """Put more of everything on sale than anybody could want, every day before visits begin."""
    for campaign in offer.campaigns:
        campaign.left_P[:] = PLENTY


def _letter(customer_id: str, night: date, arm: str, campaigns: list[str]) -> dict[str, object]:
    written_to = 1 - SHARES[HOLD_OUT]
    return {
        "message_id": f"{night}-{customer_id}",
        "customer_id": customer_id,
        "list": "daily",
        "night": night,
        "send_at": datetime.combine(night, time(6), UTC),
        "local_day": night,
        "segment": "loyal",
        "strategy": STRATEGIES[arm],
        "arm": arm,
        "arm_propensity": SHARES[arm] / written_to,
        "campaigns": [{"rank": n, "campaign_id": c} for n, c in enumerate(campaigns, 1)],
        "products": [],
    }


def _with_clicks(letters: pa.Table, simulation: Simulation) -> pa.Table:
    events = simulation.outbox.take("email_events", 0, FORGETTING)
    clicks = events.filter(pc.equal(events["kind"], "clicked"))
    place = pc.index_in(letters["message_id"], clicks["message_id"].combine_chunks())
    return letters.append_column("clicked_at", clicks["occurred_at"].take(place))
