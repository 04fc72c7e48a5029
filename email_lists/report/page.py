"""The report as a page for a browser, and as lines for a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from email_lists.judging.lines import table_lines
from email_lists.mail.rendering import environment
from email_lists.report import figures
from email_lists.report.reading import BEFORE_DAYS, Reported
from vitrine.interval import format_instant
from vitrine.letters import HOLD_OUT

TEMPLATES = Path(__file__).parent / "templates"
NONE = "–"
"""Where there is no figure."""


@dataclass(frozen=True)
class Table:
    """Rows of texts under a head; the first column is a name, the others are figures."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of the page; `picture` is a file beside it, empty for none."""

    title: str
    said: str
    picture: str
    tables: tuple[Table, ...]
    unsaid: str = ""
    """What cannot be told, and why; empty where all can."""


def html(reported: Reported) -> str:
    """Write the page; the pictures of `figures` lie beside it."""
    template = environment(TEMPLATES).get_template("report.html")
    return template.render(
        name=reported.list_name,
        summary=summary(reported),
        counting=_counting(reported),
        sections=list(sections(reported)),
    )


def summary(reported: Reported) -> str:
    """Say in a sentence what the report is of."""
    days = reported.nights.days()
    nights = f"{days[0]} to {days[-1]}" if len(days) > 1 else f"{days[0]}"
    return (
        f"{reported.arms['letter_count'].sum():,} letters of {nights}, as known at"
        f" {format_instant(reported.known_until)}."
    )


def sections(reported: Reported) -> Iterator[Section]:
    """Give the page's parts in order."""
    yield Section(
        "Who was written to",
        "Customers. Everybody whom the shop knows is written to, held out (drawn to get no letter,"
        " so that the list can be judged), or left out for a reason; of several reasons the first"
        " one counts.",
        figures.SIZES,
        tuple(table for table in (sizes(reported), exclusions(reported)) if table.rows),
    )
    yield Section(
        "What became of the letters",
        "Shares of the letters that the sender reports as sent. An event counts for its letter"
        " whenever it was received, so figures of past nights change with what comes late. Orders,"
        " units (pieces bought) and turnover count for the last letter sent to the customer in the"
        " three days before, whatever the letter showed; returns are not taken off. Units expected"
        " are the pieces of what letters show that their customers were expected to buy within a"
        " week.",
        figures.REACTIONS,
        (reactions(reported), sales(reported)),
    )
    why_not = reported.why_no_uplift
    yield Section(
        "What the letters changed",
        f"Of a customer in these nights: turnover in {reported.currency}, purchases (orders), and"
        " letters opened and clicked. All that was bought counts, whether a letter led to it or"
        " not; whom caps alone left out counts with the arm they were drawn for. An interval that"
        " holds zero may be chance. What an arm and those beside it bought in the"
        f" {BEFORE_DAYS} days before is taken into account, which narrows it and moves the means of"
        " both a little.",
        "" if why_not else figures.UPLIFT,
        tuple(uplift(reported)),
        f"Beside customers without letters this cannot be said: {why_not}." if why_not else "",
    )
    yield Section(
        "What the letters showed",
        "How much of the catalogue people got to see, and how much alike letters were. On sale are"
        " the products that were so at some time of the night's day. As if shown equally: so many"
        " products, each shown equally often, would be as varied. Brands per product: in a letter,"
        " on average. Top campaign: share of the letters with the most frequent first campaign.",
        figures.VARIETY,
        (variety(reported),),
    )
    if len(reported.stock):
        yield Section(
            "What became of the stock",
            "Of all lists together. An offer is a product in a campaign. Of those whose stock is"
            " known: units (pieces) left when the night's day or the sale began, units that the"
            " customers who were shown them were expected to buy within a week, and units that they"
            " bought within three days of the letter. Promised beyond the stock: offers that were"
            " expected to sell more units than were left.",
            figures.STOCK,
            (stock(reported),),
        )


def sizes(reported: Reported) -> Table:
    """Count night by night."""
    return Table(
        ("night", "written to", "held out", "left out", "all"),
        tuple(
            (
                f"{row.night}",
                _count(row.listed_count),
                _count(row.held_out_count),
                _count(row.excluded_count - row.held_out_count),
                _count(row.listed_count + row.excluded_count),
            )
            for row in _rows(reported.sizes)
        ),
    )


def exclusions(reported: Reported) -> Table:
    """Count the reasons of those left out, a mean night."""
    left_out = reported.exclusions[reported.exclusions["exclusion"] != HOLD_OUT]
    sums = left_out.groupby("exclusion")["customer_count"].sum()
    ordered = sums.sort_index().sort_values(ascending=False, kind="stable")
    nights = len(reported.sizes)
    rows = tuple((str(n).replace("_", " "), _people(c / nights)) for n, c in ordered.items())
    return Table(("left out because", "customers a night"), rows)


def reactions(reported: Reported) -> Table:
    """Count what became of each arm's letters."""
    sums = _by_arm(reported)
    kinds = ("bounced", "opened", "clicked", "unsubscribed", "complained")
    return Table(
        ("arm", "letters", "sent", *kinds),
        tuple(
            (
                arm,
                _count(row["letter_count"]),
                _count(row["sent_count"]),
                *(_share(row[f"{kind}_count"], row["sent_count"]) for kind in kinds),
            )
            for arm, row in sums.items()
        ),
    )


def sales(reported: Reported) -> Table:
    """Count what was sold within three days of each arm's letters."""
    return Table(
        (
            "arm",
            "orders",
            "units",
            "units expected",
            f"turnover, {reported.currency}",
            f"{reported.currency} a letter",
            "turnover of what was shown",
        ),
        tuple(
            (
                arm,
                _count(row["order_count"]),
                _count(row["unit_count"]),
                f"{row['expected_unit_count']:,.1f}",
                f"{row['turnover']:,.2f}",
                f"{row['turnover'] / row['letter_count']:,.3f}",
                _share(row["shown_turnover"], row["turnover"]),
            )
            for arm, row in _by_arm(reported).items()
        ),
    )


def uplift(reported: Reported) -> Iterator[Table]:
    """Compare the arms with the hold-out, then with the largest of them."""
    for control, rows in reported.uplifts.groupby("control", sort=False):
        named = "those held out" if control == HOLD_OUT else str(control)
        yield Table(
            (
                "per customer",
                "customers",
                "mean",
                named,
                "difference",
                "95 % interval",
                "difference, %",
            ),
            tuple(
                (
                    f"{row.outcome}, {row.arm}",
                    _count(row.customer_count),
                    f"{row.mean:.3f}",
                    f"{row.control_mean:.3f}",
                    f"{row.difference:+.3f}",
                    NONE
                    if pd.isna(row.difference_low)
                    else f"{row.difference_low:+.3f} to {row.difference_high:+.3f}",
                    NONE if pd.isna(row.relative) else f"{row.relative:+.1%}",
                )
                for row in _rows(rows)
            ),
        )


def variety(reported: Reported) -> Table:
    """Show night by night what was shown."""
    return Table(
        (
            "night",
            "products shown",
            "on sale",
            "coverage",
            "as if shown equally",
            "brands per product",
            "top campaign",
        ),
        tuple(
            (
                f"{row.night}",
                _count(row.shown_product_count),
                _count(row.offered_product_count),
                _ratio(row.coverage_ratio),
                NONE
                if pd.isna(row.effective_product_count)
                else f"{row.effective_product_count:,.1f}",
                _ratio(row.brand_ratio),
                _ratio(row.top_campaign_ratio),
            )
            for row in _rows(reported.sizes)
        ),
    )


def stock(reported: Reported) -> Table:
    """Add up each night's offers; those of unknown stock are counted apart."""
    rows = []
    for night, offers in reported.stock.groupby("night"):
        known = offers.dropna(subset="stock_left_count")
        over = (known["expected_unit_count"] > known["stock_left_count"]).sum()
        rows.append(
            (
                f"{night}",
                _count(len(offers)),
                _count(len(offers) - len(known)),
                _count(known["stock_left_count"].sum()),
                f"{known['expected_unit_count'].sum():,.1f}",
                _count(over),
                _count(known["unit_count"].sum()),
                _share(known["unit_count"].sum(), known["stock_left_count"].sum()),
                _share(known["day_unit_count"].sum(), known["stock_left_count"].sum()),
            )
        )
    return Table(
        ("night", "offers shown", "no stock known", "units left", "units expected",
         "promised beyond the stock", "sold by letters", "by letters, of the stock",
         "to anybody, of the stock"),
        tuple(rows),
    )  # fmt: skip


def lines(reported: Reported) -> Iterator[str]:
    """Give what a terminal shows: the same tables without pictures."""
    yield summary(reported)
    if counting := _counting(reported):
        yield counting
    for section in sections(reported):
        yield f"\n{section.title}"
        if section.unsaid:
            yield section.unsaid
        for place, table in enumerate(section.tables):
            yield from [""] * min(place, 1)
            yield from table_lines(table.head, table.rows)


def _counting(reported: Reported) -> str:
    since = reported.counting_since
    return (
        f"Sales may still be credited to letters of {since} and later nights: their figures grow."
        if since
        else ""
    )


def _rows(frame: pd.DataFrame) -> list[Any]:
    """Return rows with their columns as attributes."""
    return list(frame.itertuples())


def _by_arm(reported: Reported) -> dict[str, Any]:
    """Sum up the arms over the nights, the largest first."""
    sums = reported.arms.drop(columns="night").groupby("arm").sum(numeric_only=True)
    return {arm: sums.loc[arm] for arm in figures.arms_of(reported)}


def _count(count: float) -> str:
    return f"{int(count):,}"


def _people(mean: float) -> str:
    """Write a mean number of people, whole."""
    return f"{mean:,.0f}" if mean >= 1 else "less than 1"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else NONE


def _ratio(ratio: float) -> str:
    return NONE if pd.isna(ratio) else f"{ratio:.1%}"
