"""python -m benchmarks.judging [--open-bandit FOLDER] [--replicas 1000]

Whether what `vitrine lists judge` says may be believed. Arms: their shares among a million
customers. A/A tests: how often arms that differ in nothing are found to differ, and planted effects
are found. Policies: what one log tells of another policy, beside the truth of a simulated shop, and
beside what the policies of the Open Bandit sample made themselves. Lists: what a simulated shop
that mails them tells of its arms, beside what happens when everybody is in one arm, or nobody in
any. Every figure is drawn from seeds: two runs print the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click
import numpy as np
from scipy.stats import ttest_ind

from benchmarks.judged_lists import NIGHTS, SHARES, WANTED, Told, told
from benchmarks.judged_shop import Spending, Wishes, judgements, spending, wishes
from benchmarks.markdown import table
from benchmarks.open_bandit import CrossJudgement, cross_judgements
from email_lists.audience.arms import arms, draws, held_out
from email_lists.judging.off_policy import Bounded, Judgement
from email_lists.judging.uplift import Difference, difference
from vitrine.errors import VitrineError
from vitrine.list_policy import Arm, Holdout, ListRules
from vitrine.simulator.shop import Shop

SEED = 7
FOUNDED_ON = date(2026, 1, 5)
SIGNIFICANT = 0.05
LIFT = 1.1
"""What a planted effect multiplies the outcome by."""
POINTS_APART = 0.1
"""Percentage points that a share of a million customers is to be near."""
SPLITS = {"halves": 0.5, "a hold-out of 5 %": 0.05}
"""Share of the customers in one of the two groups of an A/A test."""
EXPERIMENTS = {
    "autumn": {"standard": 0.5, "bold": 0.5},
    "winter": {"standard": 0.8, "bold": 0.1, "plain": 0.1},
}
POLICIES = ((1.0, 0.0), (0.0, 1.0), (0.5, 1.5), (1.0, 3.0), (1.0, 50.0))
"""Sharpness of the logging and of the judged policy."""
ESTIMATORS = ("ips", "snips", "doubly_robust")


@dataclass(frozen=True)
class Rates:
    """How often chance, and a planted effect, were taken for an effect, of all experiments."""

    split: str
    outcome: str
    is_adjusted: bool
    false_positives: float
    found: float
    mean_variance_kept: float
    by_welch: float
    """False positives of a test with a variance for each group, of outcomes as they are."""


@dataclass(frozen=True)
class Accuracy:
    """One estimator's values over many logs of one truth."""

    logging: float
    judged: float
    estimator: str
    made_by_logging: float
    truth: float
    mean: float
    error: float
    """Root of the mean squared error."""
    covered: float
    change_covered: float
    effective_decisions: float


@click.command()
@click.option("--replicas", type=click.IntRange(min=2), default=1_000, show_default=True)
@click.option("--customers", type=click.IntRange(min=100), default=4_000, show_default=True)
@click.option("--days", type=click.IntRange(min=1), default=14, show_default=True)
@click.option("--million", type=click.IntRange(min=1), default=1_000_000, show_default=True)
@click.option("--shops", type=click.IntRange(min=0), default=4, show_default=True)
@click.option("--listed", type=click.IntRange(min=100), default=3_000, show_default=True)
@click.option(
    "--open-bandit",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with random.csv.gz and bts.csv.gz; without it that part is left out.",
)
def main(
    replicas: int,
    customers: int,
    days: int,
    million: int,
    shops: int,
    listed: int,
    open_bandit: Path | None,
) -> None:
    """Print every figure as Markdown."""
    try:
        parts = [
            share_page(million),
            placebo_page(
                rates(spending(shop(SEED, customers), days), replicas), customers, days, replicas
            ),
            policy_page(wishes(shop(SEED, customers), 3), replicas),
            list_page(list(_shops(shops, listed)), listed),
            bandit_page(cross_judgements(open_bandit)) if open_bandit else "",
        ]
    except VitrineError as error:
        raise click.ClickException(str(error)) from None
    click.echo("# Whether the lists' judgements may be believed\n\n" + "\n".join(parts), nl=False)


def shop(seed: int, customers: int) -> Shop:
    """Return a shop of the simulator's usual brands and openings."""
    return Shop.of_size(seed, customers, FOUNDED_ON)


def share_page(customers: int) -> str:
    """Say how far the groups' shares lie from what they should be."""
    ids = [f"U{number:07d}" for number in range(customers)]
    holdout = Holdout()
    rows = [_share(f"hold-out {holdout.name!r}", holdout.share, held_out(ids, holdout))]
    for name, shares in EXPERIMENTS.items():
        rules = ListRules(experiment=name, arms={arm: Arm(share=s) for arm, s in shares.items()})
        drawn_N = arms(ids, rules)
        for number, arm in enumerate(sorted(shares)):
            rows.append(_share(f"experiment {name!r}: {arm}", shares[arm], drawn_N == number))
    head = ("", "wanted", "found", "points apart", "wanted within", "by chance (2 sd)", "")
    return table(f"Shares of {customers:,} customers", head, rows)


def _share(name: str, wanted: float, is_in_N: np.ndarray) -> tuple[str, ...]:
    found, chance = float(is_in_N.mean()), 2 * np.sqrt(wanted * (1 - wanted) / len(is_in_N))
    apart = 100 * abs(found - wanted)
    verdict = "MISSED" if apart > POINTS_APART else "met"
    figures = f"{apart:.3f}", f"{POINTS_APART}", f"{100 * chance:.3f}"
    return name, f"{wanted:.1%}", f"{found:.3%}", *figures, verdict


def rates(of: Spending, experiments: int) -> list[Rates]:
    """Run A/A tests: the same customers, parted anew by the name of each experiment."""
    outcomes = (
        ("turnover", of.turnover, of.turnover_before),
        ("purchases", of.purchases, of.purchases_before),
    )
    found = []
    for split, share in SPLITS.items():
        names = [f"arm:{split} {number}" for number in range(experiments)]
        is_apart = [draws(name, of.customers) < share for name in names]
        found += [
            _rates(split, name, is_apart, after_N, before_N, is_adjusted)
            for name, after_N, before_N in outcomes
            for is_adjusted in (False, True)
        ]
    return found


def _rates(
    split: str,
    name: str,
    is_apart: Sequence[np.ndarray],
    after_N: np.ndarray,
    before_N: np.ndarray,
    is_adjusted: bool,
) -> Rates:
    def compared(is_in_N: np.ndarray, lift: float) -> Difference:
        before = (before_N[~is_in_N], before_N[is_in_N]) if is_adjusted else (None, None)
        return difference(lift * after_N[~is_in_N], after_N[is_in_N], *before)

    alike = [compared(is_in_N, 1.0) for is_in_N in is_apart]
    lifted = [compared(is_in_N, LIFT) for is_in_N in is_apart]
    return Rates(
        split,
        name,
        is_adjusted,
        float(np.mean([found.p_value < SIGNIFICANT for found in alike])),
        float(np.mean([found.p_value < SIGNIFICANT for found in lifted])),
        float(np.mean([found.variance_kept for found in alike])),
        float(np.mean([_welch(after_N, is_in_N) < SIGNIFICANT for is_in_N in is_apart])),
    )


def _welch(value_N: np.ndarray, is_in_N: np.ndarray) -> float:
    return float(ttest_ind(value_N[~is_in_N], value_N[is_in_N], equal_var=False).pvalue)


def placebo_page(found: list[Rates], customers: int, days: int, experiments: int) -> str:
    """Lay the A/A tests out."""
    rows = [
        (
            r.split,
            r.outcome + (", adjusted by the days before" if r.is_adjusted else ""),
            f"{r.false_positives:.1%}",
            "" if r.is_adjusted else f"{r.by_welch:.1%}",
            f"{r.found:.1%}",
            f"{r.mean_variance_kept:.0%}",
        )
        for r in found
    ]
    title = f"{experiments:,} A/A tests of {customers:,} customers, {days} days, p < {SIGNIFICANT}"
    head = (
        "groups",
        "per customer",
        "false positives",
        "by Welch's test",
        f"{LIFT - 1:+.0%} found",
        "variance kept",
    )
    return table(title, head, rows)


def accuracies(of: Wishes, replicas: int, customers: int = 1_000) -> list[Accuracy]:
    """Judge policies by many logs each, and count how near the truth that is."""
    found = []
    for logging, judged in POLICIES:
        each = list(judgements(of, logging, judged, customers, replicas, SEED))
        made, truth = of.true_value(logging), of.true_value(judged)
        found += [_accuracy(each, name, (logging, judged), made, truth) for name in ESTIMATORS]
    return found


def _accuracy(
    each: list[Judgement], estimator: str, policies: tuple[float, float], made: float, truth: float
) -> Accuracy:
    estimates = [getattr(judgement, estimator) for judgement in each]
    value = np.array([estimate.value for estimate in estimates])
    return Accuracy(
        *policies,
        estimator,
        made,
        truth,
        float(value.mean()),
        float(np.sqrt(((value - truth) ** 2).mean())),
        float(np.mean([e.low < truth < e.high for e in estimates])),
        float(np.mean([e.change.low < truth - made < e.change.high for e in estimates])),
        float(np.mean([judgement.effective_decisions for judgement in each])),
    )


def policy_page(of: Wishes, replicas: int, customers: int = 1_000) -> str:
    """Lay the judged policies out."""
    rows = [
        (
            f"{a.logging:g} → {a.judged:g}",
            a.estimator,
            *(f"{1_000 * x:.1f}" for x in (a.made_by_logging, a.truth, a.mean, a.error)),
            f"{a.covered:.1%}",
            f"{a.change_covered:.1%}",
            f"{a.effective_decisions:,.0f}",
        )
        for a in accuracies(of, replicas, customers)
    ]
    days = len(of.customer_R) // (int(of.customer_R.max()) + 1)
    title = f"Policies of a simulated shop, each judged by {replicas:,} logs of another's"
    head = (
        "sharpness: logging → judged",
        "estimate",
        "logging made",
        "truth",
        "mean estimate",
        "error",
        "95 % cover the truth",
        "the change",
        "effective decisions",
    )
    note = (
        f"Orders per thousand decisions; each log has {customers:,} customers on {days} days. A"
        " policy shows one campaign first, drawn by the softmax of a noisy ranker's scores times"
        " its sharpness: 0 draws evenly, 50 takes the best. The truth is the simulator's.\n"
    )
    return table(title, head, rows) + "\n" + note


def _shops(count: int, customers: int) -> Iterator[tuple[int, Told]]:
    """Let shops tell of their lists, each with limited and with plentiful stock."""
    for seed in range(1, count + 1):
        for is_limited in (True, False):
            yield seed, told(shop(seed, customers), is_limited)


def list_page(found: list[tuple[int, Told]], customers: int) -> str:
    """Lay out what shops tell that mail lists."""
    rows = [
        (
            f"{number}, {'limited' if it.is_limited else 'plentiful'}",
            _bounds(it.uplift, 1, 2),
            f"{it.true_uplift:.2f}",
            _bounds(it.clicks.judgement.logged, 1, 2),
            _bounds(it.clicks.judgement.doubly_robust, 1, 2),
            f"{it.true_clicks:.2f}",
        )
        for number, it in found
    ]
    head = (
        "shop, stock",
        f"uplift of {WANTED!r}, order lines",
        "all of it less none",
        "clicks made",
        f"all {WANTED!r}, doubly robust",
        "truth",
    )
    shares = ", ".join(f"{share:.0%} {arm}" for arm, share in SHARES.items())
    note = (
        f"{customers:,} customers, {NIGHTS} nights of letters with six campaigns: {shares}. Clicks"
        " are per customer. Where stock is limited, one customer's order is missing for"
        " others: beside those held out an arm then looks better than it would be for all.\n"
    )
    title = "Simulated shops that mail lists, beside the same shops with one arm for all"
    return table(title, head, rows) + "\n" + note


def bandit_page(found: list[CrossJudgement]) -> str:
    """Lay the Open Bandit sample's policies out."""
    rows = [
        (
            c.judged,
            c.logged_by,
            name,
            _bounds(getattr(c.by_the_others_log, name), 1_000, 1),
            _bounds(c.by_its_own.logged, 1_000, 1),
            _bounds(c.by_the_others_log.mean_weight, 1, 2),
            f"{c.by_the_others_log.effective_decisions:,.0f}",
        )
        for c in found
        for name in ESTIMATORS
    ]
    head = (
        "judged",
        "by the log of",
        "estimate",
        "clicks per thousand",
        "clicks it got itself",
        "mean weight",
        "effective decisions",
    )
    return table("Open Bandit, men: both policies, 10,000 impressions each", head, rows)


def _bounds(of: Bounded, times: float, digits: int) -> str:
    value, low, high = (f"{times * x:.{digits}f}" for x in (of.value, of.low, of.high))
    return f"{value} ({low} to {high})"


if __name__ == "__main__":
    main()
