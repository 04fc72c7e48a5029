"""Whether reasons told in letters are causes: what is named is deleted, and the rank falls.

python -m benchmarks.reasons --as-of 2026-03-16T03:30:00Z

For products of tonight's slates, what the reason names is taken away, and the product is looked for
again among the candidates of the same source; for campaigns, what it names, and the campaign in the
customer's ranking. The rank falls if it comes later than it did, or not at all. Only
`new_brand_in_sector` names two things, and each is taken away alone. What is pinned is a decision
and has no other cause. Campaigns are popular where the champion says nothing, so those reasons are
tried on rankings without scores.

What is the customer's own in `ranked_for_you` is tried beside the score itself: all scores of the
customer are set to everybody's means. Of `liked_by_many` it is the other way round: what everybody
likes in the campaign more than in others is taken off the customer's score. Nothing is written but
the page.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from email_lists import inputs
from email_lists.audience.eligibility import decisions
from email_lists.composition import Known, Prepared, eligible, prepare, ranked_campaigns
from email_lists.frames import select
from email_lists.slates import slate
from email_lists.slates.assortment import NOWHERE
from email_lists.slates.campaign_places import SHOWN
from email_lists.slates.campaigns import CampaignReason, Ranked
from email_lists.slates.candidates import Reason, look_up
from email_lists.slates.history import History
from email_lists.slates.shelves import Shelves
from vitrine import list_policy_file
from vitrine.contracts import INSTANT
from vitrine.errors import VitrineError
from vitrine.installation import Installation
from vitrine.interval import DAY, format_instant
from vitrine.list_policy import DEFAULT_LIST, ListPolicy
from vitrine.options import as_of_option

AIM = 0.9
Case = TypeVar("Case")

_AS_EVERYBODY = """
select
    customer_id,
    campaign_id,
    if(customer_id = $customer, avg(score) over (partition by campaign_id), score) as score
from scores
"""

_UNLIKED = """
with means as (
    select campaign_id, avg(score) as score from scores group by all
)
select
    customer_id,
    campaign_id,
    if(
        customer_id = $customer and campaign_id = $campaign,
        scores.score - means.score + (select avg(score) from means),
        scores.score
    ) as score
from scores
join means using (campaign_id)
"""


@dataclass(frozen=True)
class Shown:
    """One product of one slate."""

    customer: int
    """Position among the eligible."""
    product: int
    slot: int
    reason: Reason
    cause: int


@dataclass(frozen=True)
class ShownCampaign:
    """One campaign of one letter."""

    customer: int
    campaign: int
    place: int


@dataclass(frozen=True)
class Trial:
    """What became of the things that were shown for one reason."""

    of: str
    reason: str
    taken_away: str
    shown_count: int
    fell: tuple[bool, ...]

    @property
    def share(self) -> float:
        """In how many of the cases the rank fell."""
        return sum(self.fell) / len(self.fell)


@click.command()
@as_of_option
@click.option("--each", default=100, show_default=True, help="Products tried of each reason.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Page to write.")
def main(as_of: datetime, each: int, out: Path | None) -> None:
    """Print, by reason, in how many of the cases the rank falls."""
    try:
        installation = Installation.load()
        policy = list_policy_file.read(installation)
        known = inputs.read(installation, as_of)
        trials = judged(inputs.calibrated(installation, known), policy, each)
    except VitrineError as error:
        sys.exit(str(error))
    page = "\n".join([*_page(installation, as_of, each, trials), ""])
    click.echo(page)
    if out:
        out.write_text(page)


def judged(known: Known, policy: ListPolicy, each: int) -> list[Trial]:
    """Try at most `each` of what is shown for each reason, products first."""
    decided = decisions(known.who, policy, DEFAULT_LIST)
    made = prepare(known, eligible(known, decided), policy, DEFAULT_LIST)
    return [*_of_products(known, made, each), *_of_campaigns(known, made, each)]


def _page(
    installation: Installation, as_of: datetime, each: int, trials: list[Trial]
) -> Iterator[str]:
    yield "# Reasons, checked by deletion"
    yield ""
    yield (
        f"What is shown in the letters of {format_instant(as_of)} ({installation.shop.name}), at"
        f" most {each} of each reason, at even distances: what the reason names is taken away. The"
        f" aim is that the rank falls in {AIM:.0%} of the cases. Popular campaigns are those of"
        " rankings without scores."
    )
    yield ""
    yield "| of | reason | taken away | shown | cases | rank falls | |"
    yield "|---|---|---|---|---|---|---|"
    for trial in trials:
        verdict = "met" if trial.share >= AIM else "**MISSED**"
        yield (
            f"| {trial.of} | `{trial.reason}` | {trial.taken_away} | {trial.shown_count:,} |"
            f" {len(trial.fell):,} | {trial.share:.1%} | {verdict} |"
        )
    for of in ("product", "campaign"):
        fell = [is_lower for trial in trials if trial.of == of for is_lower in trial.fell]
        if fell:
            yield f"| {of} | all | | | {len(fell):,} | {sum(fell) / len(fell):.1%} | |"
    yield ""
    yield f"Not shown that night: {', '.join(_not_shown(trials)) or 'none'}."


def _not_shown(trials: list[Trial]) -> list[str]:
    shown = {(trial.of, trial.reason) for trial in trials}
    every: list[tuple[str, Reason | CampaignReason]] = [("product", reason) for reason in Reason]
    every += [("campaign", reason) for reason in CampaignReason]
    return [
        f"`{reason.name.lower()}` of {of}s"
        for of, reason in every
        if (of, reason.name.lower()) not in shown and reason.name != "PINNED"
    ]


def _thinned(cases: list[Case], each: int) -> list[Case]:
    """Take some cases at even distances."""
    return cases[:: max(1, len(cases) // each)][:each]


# Products


def _of_products(known: Known, made: Prepared, each: int) -> Iterator[Trial]:
    slates = slate.choose(made.shelves, made.rules)
    shown: dict[Reason, list[Shown]] = defaultdict(list)
    for n, k in np.argwhere(slates.product_NK != NOWHERE):
        of = (slates.product_NK, slates.slot_NK, slates.reason_NK, slates.cause_NK)
        product, slot, reason, cause = (int(column[n, k]) for column in of)
        shown[Reason(reason)].append(Shown(int(n), product, slot, Reason(reason), cause))
    for reason, cases in sorted(shown.items()):
        for taken_away, deleted in _deletions(known, made, reason).items():
            fell = tuple(map(bool, deleted(_thinned(cases, each))))
            yield Trial("product", reason.name.lower(), taken_away, len(cases), fell)


def _deletions(
    known: Known, made: Prepared, reason: Reason
) -> Mapping[str, Callable[[list[Shown]], Iterable[bool]]]:
    """Return what a reason names, in words, and the rank's fall without it."""
    assortment = made.shelves.assortment
    each_P = np.arange(assortment.products.num_rows)
    kind_P, brand_P = assortment.kind.code_P, assortment.brand.code_P
    sector_P = assortment.sector.code_P

    def without(label_P: np.ndarray) -> Callable[[list[Shown]], Iterable[bool]]:
        return lambda cases: _without(made, cases, label_P)

    def bought(label_P: np.ndarray) -> Callable[[list[Shown]], Iterable[bool]]:
        return lambda cases: _having_bought(made, cases, label_P)

    def unsold(cases: list[Shown]) -> Iterable[bool]:
        return (_prepared_anew(_without_sales(known, made, case), made, case) for case in cases)

    def opened_first(cases: list[Shown]) -> Iterable[bool]:
        return (_prepared_anew(_opened_first(known, made, case), made, case) for case in cases)

    purchase, kinds = {"the purchase": without(each_P)}, {"purchases of its kind": without(kind_P)}
    named: dict[Reason, Mapping[str, Callable[[list[Shown]], Iterable[bool]]]] = {
        Reason.SIMILAR_TO_BOUGHT: purchase,
        Reason.SIMILAR_TO_SEVERAL: {
            "the purchases that it is like": lambda cases: _unlike(made, cases)
        },
        Reason.BUY_AGAIN: purchase,
        Reason.BOUGHT_TOGETHER: purchase,
        Reason.KINDS_BOUGHT_TOGETHER: kinds,
        Reason.LOVED_KIND: kinds,
        Reason.LOVED_BRAND: {"purchases of the brand": without(brand_P)},
        Reason.NEW_SECTOR: {"that the department is new": bought(sector_P)},
        Reason.NEW_BRAND: {"that the brand is new": bought(brand_P)},
        Reason.NEW_BRAND_IN_SECTOR: {
            "that the brand is new": bought(brand_P),
            "purchases of the department": lambda cases: _without(
                made, [replace(case, cause=case.product) for case in cases], sector_P
            ),
        },
        Reason.POPULAR_IN_CLUSTER: {"sales in the cluster": unsold},
        Reason.POPULAR_IN_REGION: {"the country's sales of the last day": unsold},
        Reason.POPULAR: {"all its sales": unsold},
        Reason.JUST_OPENED: {"that it opened late": opened_first},
    }
    return named.get(reason, {})


def _without(made: Prepared, cases: list[Shown], label_P: np.ndarray) -> Iterator[bool]:
    """Take each customer's purchases with the cause's label away; everything else stays."""
    yield from _deleted(
        made, cases, lambda case, product_I: label_P[product_I] == label_P[case.cause]
    )


def _unlike(made: Prepared, cases: list[Shown]) -> Iterator[bool]:
    """Take away each customer's purchases that have the product among their likes."""
    shelves = made.shelves

    def is_like(case: Shown, product_I: np.ndarray) -> np.ndarray:
        similar = shelves.similar_R[shelves.region_M[shelves.market_N[case.customer]]]
        return (similar.item_AK[shelves.anchor_P[product_I]] == case.product).any(axis=1)

    yield from _deleted(made, cases, is_like)


def _deleted(
    made: Prepared, cases: list[Shown], is_gone: Callable[[Shown, np.ndarray], np.ndarray]
) -> Iterator[bool]:
    bought, shelves = [], made.shelves
    for case in cases:
        start, end = shelves.history.start_N1[case.customer : case.customer + 2]
        is_kept_I = ~is_gone(case, shelves.history.product_I[start:end])
        kept = np.flatnonzero(is_kept_I) + start
        bought.append((shelves.history.product_I[kept], shelves.history.is_resting_I[kept]))
    yield from _compared(shelves, cases, _history(shelves, bought))


def _having_bought(made: Prepared, cases: list[Shown], label_P: np.ndarray) -> Iterator[bool]:
    """Let each case's customer have bought of the sector, or of the brand, what is not shown."""
    bought, shelves = [], made.shelves
    for case in cases:
        same = np.flatnonzero(label_P == label_P[case.product])
        other = same[same != case.product][:1]
        start, end = shelves.history.start_N1[case.customer : case.customer + 2]
        product_I = np.concatenate([other, shelves.history.product_I[start:end]])
        resting_I = np.concatenate(
            [np.zeros(other.size, bool), shelves.history.is_resting_I[start:end]]
        )
        bought.append((product_I.astype(np.int32), resting_I))
    yield from _compared(shelves, cases, _history(shelves, bought))


def _history(shelves: Shelves, bought: list[tuple[np.ndarray, np.ndarray]]) -> History:
    """Give the n-th customer the n-th purchases."""
    counts = [product_I.size for product_I, _ in bought]
    return History(
        customer_I=np.repeat(np.arange(len(bought)), counts).astype(np.int32),
        product_I=np.concatenate([product_I for product_I, _ in bought]),
        is_resting_I=np.concatenate([resting_I for _, resting_I in bought]),
        start_N1=np.concatenate([[0], np.cumsum(counts)]),
        article_P=shelves.assortment.article_P,
    )


def _compared(shelves: Shelves, cases: list[Shown], history: History) -> Iterator[bool]:
    """Tell whose product comes later, or not at all, with another history."""
    customer_B = np.array([case.customer for case in cases])
    changed = replace(
        shelves,
        history=history,
        market_N=shelves.market_N[customer_B],
        groups=replace(shelves.groups, group_N=shelves.groups.group_N[customer_B]),
    )
    for row, case in enumerate(cases):
        before = _rank(shelves, case.customer, case)
        yield _rank(changed, row, case) > before


def _rank(shelves: Shelves, customer: int, case: Shown) -> float:
    """Return a product's place in its source; infinity where it is not there."""
    found = look_up(shelves, customer, customer + 1)
    there = found.product_NC[0, found.slot_C == case.slot]
    place = np.flatnonzero(there == case.product)
    return float(place[0]) if place.size else np.inf


def _prepared_anew(changed: Known, made: Prepared, case: Shown) -> bool:
    """Tell whether the product comes later with what else is known of the shop."""
    alone = made.night.customers.slice(case.customer, 1)
    alone = alone.drop_columns(["market", "market_country"])
    # What is popular does not depend on likenesses, which take longest.
    changed = replace(changed, vectors=changed.vectors.take(()))
    shelves = prepare(changed, alone, made.rules.policy, DEFAULT_LIST).shelves
    product = made.shelves.assortment.products["product_id"][case.product]
    place = shelves.assortment.products["product_id"].index(product).as_py()
    return _rank(shelves, 0, replace(case, product=place)) > _rank(
        made.shelves, case.customer, case
    )


def _without_sales(known: Known, made: Prepared, case: Shown) -> Known:
    """Take away the product's sales that the reason speaks of."""
    products, customers = made.shelves.assortment.products, made.night.customers
    is_gone = pc.equal(known.sales["product_id"], products["product_id"][case.product])
    if case.reason == Reason.POPULAR_IN_CLUSTER:
        of = customers["demographic_cluster"][case.customer]
        is_gone = pc.and_(is_gone, pc.equal(known.sales["demographic_cluster"], of))
    elif case.reason == Reason.POPULAR_IN_REGION:
        day = pc.max(known.sales["occurred_at"]).as_py() - DAY
        is_his = pc.equal(known.customers["country"], customers["country"][case.customer])
        there = known.customers.filter(is_his)["customer_id"].combine_chunks()
        is_there = pc.is_in(known.sales["customer_id"], value_set=there)
        is_late = pc.greater_equal(known.sales["occurred_at"], pa.scalar(day, INSTANT))
        is_gone = pc.and_(is_gone, pc.and_(is_there, is_late))
    return replace(known, sales=known.sales.filter(pc.invert(pc.fill_null(is_gone, False))))


def _opened_first(known: Known, made: Prepared, case: Shown) -> Known:
    """Let all campaigns that offer the product have opened before all others."""
    product = made.shelves.assortment.products["product_id"][case.product]
    offering = known.supply.filter(pc.equal(known.supply["product_id"], product))["campaign_id"]
    is_offering = pc.is_in(known.campaigns["campaign_id"], value_set=offering.combine_chunks())
    return _opening(known, is_offering, pc.min(known.campaigns["opens_at"]).as_py() - DAY)


def _opening(known: Known, is_meant: pa.ChunkedArray, opens_at: datetime) -> Known:
    place = known.campaigns.column_names.index("opens_at")
    column = pc.if_else(is_meant, pa.scalar(opens_at, INSTANT), known.campaigns["opens_at"])
    return replace(known, campaigns=known.campaigns.set_column(place, "opens_at", column))


# Campaigns

_Change = Callable[[Known, Prepared, ShownCampaign], tuple[Known, Prepared]]


def _of_campaigns(known: Known, made: Prepared, each: int) -> Iterator[Trial]:
    scores = known.scores if isinstance(known.scores, pa.Table) else known.scores.to_table()
    scored = replace(known, scores=scores.select(["customer_id", "campaign_id", "score"]))
    unscored = replace(known, scores=inputs.NO_SCORES)
    trials: list[tuple[CampaignReason, str, Known, _Change]] = [
        (CampaignReason.EARLY_ACCESS, "that it opens within a day", scored, _a_day_later),
        (CampaignReason.RANKED_FOR_YOU, "the customer's score", scored, _unscored),
        (
            CampaignReason.RANKED_FOR_YOU,
            "what the customer's own scores are",
            scored,
            _as_everybody,
        ),
        (CampaignReason.LIKED_BY_MANY, "the customer's score", scored, _unscored),
        (CampaignReason.LIKED_BY_MANY, "what everybody likes in it", scored, _unliked),
        (CampaignReason.POPULAR_IN_CLUSTER, "sales in the cluster", unscored, _unsold_in_cluster),
        (CampaignReason.POPULAR, "all its sales", unscored, _unsold),
    ]
    for reason, taken_away, of, change in trials:
        ranked = ranked_campaigns(of, made)
        cases = _shown_campaigns(ranked, reason)
        if cases:
            fell = (_falls(of, made, change, case) for case in _thinned(cases, each))
            yield Trial("campaign", reason.name.lower(), taken_away, len(cases), tuple(fell))


def _shown_campaigns(ranked: Ranked, reason: CampaignReason) -> list[ShownCampaign]:
    shown = ranked.cut(SHOWN)
    is_meant_NT = (shown.campaign_NT != NOWHERE) & (shown.reason_NT == reason)
    return [
        ShownCampaign(int(n), int(shown.campaign_NT[n, t]), int(t))
        for n, t in np.argwhere(is_meant_NT)
    ]


def _falls(known: Known, made: Prepared, change: _Change, case: ShownCampaign) -> bool:
    """Tell whether the campaign comes later in the customer's ranking, or not at all."""
    ranked = ranked_campaigns(*change(known, made, case))
    place = np.flatnonzero(ranked.campaign_NT[case.customer] == case.campaign)
    return not place.size or int(place[0]) > case.place


def _ids(made: Prepared, case: ShownCampaign) -> tuple[str, str]:
    customer = made.night.customers["customer_id"][case.customer].as_py()
    return customer, made.night.campaigns["campaign_id"][case.campaign].as_py()


def _unscored(known: Known, made: Prepared, case: ShownCampaign) -> tuple[Known, Prepared]:
    customer, campaign = _ids(made, case)
    sql = "select * from scores where customer_id != $customer or campaign_id != $campaign"
    asked = {"customer": customer, "campaign": campaign}
    return replace(known, scores=select(sql, asked, scores=known.scores)), made


def _as_everybody(known: Known, made: Prepared, case: ShownCampaign) -> tuple[Known, Prepared]:
    """Let the customer like every campaign as everybody does."""
    customer, _ = _ids(made, case)
    scores = select(_AS_EVERYBODY, {"customer": customer}, scores=known.scores)
    return replace(known, scores=scores), made


def _unliked(known: Known, made: Prepared, case: ShownCampaign) -> tuple[Known, Prepared]:
    """Let everybody like the campaign as others in the mean; what is the customer's own stays."""
    customer, campaign = _ids(made, case)
    asked = {"customer": customer, "campaign": campaign}
    return replace(known, scores=select(_UNLIKED, asked, scores=known.scores)), made


def _a_day_later(known: Known, made: Prepared, case: ShownCampaign) -> tuple[Known, Prepared]:
    campaigns = made.night.campaigns
    is_meant = pc.equal(campaigns["campaign_id"], campaigns["campaign_id"][case.campaign])
    later = pc.add(campaigns["opens_at"], pa.scalar(DAY, pa.duration("us")))
    place = campaigns.column_names.index("opens_at")
    column = pc.if_else(is_meant, later, campaigns["opens_at"])
    night = replace(made.night, campaigns=campaigns.set_column(place, "opens_at", column))
    return known, replace(made, night=night)


def _unsold(known: Known, made: Prepared, case: ShownCampaign) -> tuple[Known, Prepared]:
    sold, offered = made.shelves.sold, _offered(made, case)
    units_CP, units_P = sold.units_CP.copy(), sold.units_P.copy()
    units_CP[:, offered] = units_P[offered] = 0
    return known, _with_sold(made, units_CP, units_P)


def _unsold_in_cluster(known: Known, made: Prepared, case: ShownCampaign) -> tuple[Known, Prepared]:
    sold, offered, groups = made.shelves.sold, _offered(made, case), made.shelves.groups
    cluster = groups.cluster_G[groups.group_N[case.customer]]
    units_CP, units_P = sold.units_CP.copy(), sold.units_P.copy()
    units_P[offered] -= units_CP[cluster, offered]
    units_CP[cluster, offered] = 0
    return known, _with_sold(made, units_CP, units_P)


def _offered(made: Prepared, case: ShownCampaign) -> np.ndarray:
    """Return the products that a campaign offers, by their places."""
    assortment = made.shelves.assortment
    _, campaign = _ids(made, case)
    is_of_O = pc.equal(assortment.offers["campaign_id"], campaign).to_numpy()
    offered: np.ndarray = np.unique(assortment.product_O[is_of_O])
    return offered


def _with_sold(made: Prepared, units_CP: np.ndarray, units_P: np.ndarray) -> Prepared:
    sold = replace(made.shelves.sold, units_CP=units_CP, units_P=units_P)
    return replace(made, shelves=replace(made.shelves, sold=sold))


if __name__ == "__main__":
    main()
