"""Why one customer gets tonight's letter, or none: every rule and every candidate, as of the run.

It is worked out again for the customer from what the night's build knew, and held against what the
list says; nothing is kept for it. What candidates are worth depends on what is on sale in every
market, so one customer of each is taken along.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import dataset

from email_lists.audience import arms, caps, received
from email_lists.audience.deliverable import deliverable
from email_lists.audience.eligibility import decisions
from email_lists.audience.permissions import PURPOSE, permitted
from email_lists.audience.send_times import opening_hours
from email_lists.composition import Known, Prepared, eligible, prepare, ranked_campaigns
from email_lists.frames import select
from email_lists.handover.publication import LISTS, MANIFEST
from email_lists.mail.delivered import handed_over
from email_lists.people import SCHEMA
from email_lists.slates import slate
from email_lists.slates.assortment import NOWHERE, offer_keys, positions
from email_lists.slates.campaign_places import SHOWN
from email_lists.slates.candidates import Finds, Reason, Slot, look_up
from email_lists.slates.shelves import Shelves
from vitrine.contracts import INSTANT
from vitrine.errors import BadArgumentError, NotPublishedError
from vitrine.installation import Installation
from vitrine.interval import DAY, Interval, format_instant, midnight
from vitrine.list_policy import Cap, ListPolicy, Suppress, local_day
from vitrine.paths import Paths
from vitrine.publish import current_version
from vitrine.staged_lists import EXCLUSIONS, PEOPLE, SCARCITY, StagedList

EACH_SOURCE = 5
"""Candidates told of each source."""
CONSENTS = 3
"""Consent events told, the newest first."""

_ONE_OF_EACH_MARKET = """
select * from customers
qualify
    customer_id = $customer
    or row_number() over (partition by send_at, country order by customer_id) = 1
order by customer_id
"""


@dataclass(frozen=True)
class Listed:
    """What a list says, staged or published."""

    what: str
    """Which it is, in words."""
    row: dict[str, Any] | None
    """The customer's row, as `people.SCHEMA`."""
    exclusion: str | None
    """Why the customer is not on it."""
    scarcity: pa.Table
    """`composition.Composition.scarcity`."""


def listed(paths: Paths, list_name: str, as_of: datetime, customer: str) -> Listed | None:
    """Find what is published, or else staged, of one customer; None if nothing of that instant is.

    Only the customer's rows are read.
    """
    found = _published(paths, list_name, as_of) or _staged(paths, list_name, as_of)
    if found is None:
        return None
    what, lists, folder = found
    his = ("customer_id", "==", customer)
    rows = [row for file in lists for row in pq.read_table(file, filters=[his]).to_pylist()]
    out = pq.read_table(folder / EXCLUSIONS, filters=[his]).to_pylist()
    return Listed(
        what=what,
        row=rows[0] if rows else None,
        exclusion=out[0]["exclusion"] if out else None,
        scarcity=pq.read_table(folder / SCARCITY),
    )


def _published(
    paths: Paths, list_name: str, as_of: datetime
) -> tuple[str, list[Path], Path] | None:
    try:
        folder = current_version(paths.published_list(list_name, as_of.date()))
    except NotPublishedError:
        return None
    if json.loads((folder / MANIFEST).read_text())["as_of"] != format_instant(as_of):
        return None
    return "the published list", sorted((folder / LISTS).glob("*.parquet")), folder


def _staged(paths: Paths, list_name: str, as_of: datetime) -> tuple[str, list[Path], Path] | None:
    try:
        folder = StagedList.of(paths, list_name, as_of).folder
    except NotPublishedError:
        return None
    return "the staged list", [folder / PEOPLE], folder


def afterwards(
    installation: Installation,
    policy: ListPolicy,
    list_name: str,
    as_of: datetime,
    found: Listed | None,
) -> Iterator[str]:
    """Yield what came after the list, as lines of text: whether the letter went, or may go still.

    It is nothing where the list does not write to the customer.
    """
    if found is None or found.row is None:
        return
    row, night = pa.Table.from_pylist([found.row], SCHEMA), midnight(as_of.date())
    handed = handed_over(installation.paths.deliveries, Interval(night, night + DAY), row)
    is_it = pc.equal(handed["message_id"], found.row["message_id"])
    went = handed["handed_at"].filter(is_it).to_pylist()
    if went:
        yield f"  delivery handed the letter over at {went[0]:%Y-%m-%d %H:%M} UTC"
    newest = received.newest(installation, as_of, row["customer_id"])
    [checked] = deliverable(row, newest, policy, list_name, as_of.date()).to_pylist()
    if checked["exclusion"] and went:
        yield f"  and since, the customer left the lists: {checked['exclusion']}"
    elif checked["exclusion"]:
        yield f"  but it will not go: by what has been received since, {checked['exclusion']}"


def explain(
    known: Known,
    policy: ListPolicy,
    list_name: str,
    customer: str,
    found: Listed | None,
    after: Iterable[str] = (),
) -> Iterator[str]:
    """Yield lines of plain text; `after` is what came after the list, told right behind it.

    Raises
    ------
    BadArgumentError
        If the customer was not known as of the list.
    """
    alone = _alone(known, customer)
    everybody = decisions(known.who, policy, list_name)
    [decided] = everybody.filter(pc.equal(everybody["customer_id"], customer)).to_pylist()
    yield from _verdict(decided, found, customer, list_name)
    yield from after
    yield from _who(alone, policy, decided)
    yield from _consent(alone)
    yield from _suppression(alone, found, decided["send_at"], policy.suppress)
    yield from _caps(alone, policy, list_name, decided)
    yield from _arm(policy, list_name, customer, decided)
    if decided["exclusion"] is None:
        asked = {"customer": customer}
        few = select(_ONE_OF_EACH_MARKET, asked, customers=eligible(known, everybody))
        made = prepare(known, few, policy, list_name)
        yield from _campaigns(found)
        yield from _refused(known, made, customer, found)
        yield from _shown(found)
        yield from _candidates(made, few["customer_id"].index(customer).as_py(), found)


def explain_without_rules(
    known: Known, list_name: str, customer: str, found: Listed | None
) -> Iterator[str]:
    """Yield what can be told where the policy cannot be read: what the list says, and the ledgers.

    Raises
    ------
    BadArgumentError
        If the customer was not known as of the list.
    """
    alone = _alone(known, customer)
    if found is None:
        yield f"{customer}: no list {list_name} of this instant is built"
    elif found.row is None:
        yield f"{customer} is not written to by the list {list_name}: {found.exclusion}"
    else:
        letter = f"a letter {found.row['strategy']} at {found.row['send_at']:%Y-%m-%d %H:%M} UTC"
        yield f"{customer} is written to by the list {list_name}: {letter}"
    if found is not None:
        yield f"  as {found.what} says"
    yield ""
    yield from _consent(alone)
    yield from _suppression(alone, found)
    yield from _campaigns(found)
    yield from _shown(found)


def _shown(listed: Listed | None) -> Iterator[str]:
    if listed is None or listed.row is None:
        return
    yield ""
    yield "products"
    for product in listed.row["products"]:
        because = f", {product['cause_name']}" if product["cause_name"] else ""
        name = f"{product['name']} ({product['brand']})"
        yield f"  {product['position']}. {name}: {product['reason']}{because}"


def _alone(known: Known, customer: str) -> Known:
    """Keep what concerns the customer of what is known of customers."""
    who = known.who

    def his(table: pa.Table) -> pa.Table:
        return table.filter(pc.equal(table["customer_id"], customer))

    customers = his(who.customers)
    if not customers.num_rows:
        raise BadArgumentError(f"no customer '{customer}' was known as of this list")
    return replace(
        known,
        who=replace(
            who,
            customers=customers,
            consents=None if who.consents is None else his(who.consents),
            suppressions=his(who.suppressions),
            reactions=his(who.reactions),
            opens=his(who.opens),
            letters=his(who.letters),
        ),
    )


def _verdict(
    decided: dict[str, Any], listed: Listed | None, customer: str, list_name: str
) -> Iterator[str]:
    is_left_later = listed is not None and listed.exclusion and not decided["exclusion"]
    exclusion = listed.exclusion if listed and is_left_later else decided["exclusion"]
    if exclusion:
        yield f"{customer} is not written to by the list {list_name}: {exclusion}"
    else:
        yield f"{customer} is written to by the list {list_name}: a letter {decided['strategy']}"
    if listed and is_left_later:
        yield f"  as {listed.what} says; by the rules and what was known at night it would be"
    elif listed is None:
        yield "  no list of this night is built: what follows is what would be built now"
    elif listed.exclusion != decided["exclusion"]:
        told = listed.exclusion or "is written to"
        yield f"  but {listed.what} says: {told}; rules or data have changed since"
    else:
        yield f"  as {listed.what} says"


def _who(alone: Known, policy: ListPolicy, decided: dict[str, Any]) -> Iterator[str]:
    [person] = alone.who.customers.to_pylist()
    yield ""
    yield (
        f"customer   {decided['segment']}, {person['country']}, {person['language']},"
        f" {person['timezone']}, cluster {person['demographic_cluster']}"
    )
    if decided["send_at"] is None:
        return
    hours = opening_hours(
        alone.who.customers, alone.who.opens, alone.as_of, policy.send_times
    ).to_pylist()
    why = f"opens at {hours[0]['local_hour']} o'clock" if hours else "the usual time"
    yield (
        f"send time  {decided['send_at']:%Y-%m-%d %H:%M} UTC, {why};"
        f" {alone.who.opens.num_rows} opened letters known"
    )


def _consent(alone: Known) -> Iterator[str]:
    if alone.who.consents is None:
        yield "consent    the shop keeps none: nobody is excluded for it"
        return
    ledger = alone.who.consents.filter(pc.equal(alone.who.consents["purpose"], PURPOSE))
    events = ledger.sort_by([("changed_at", "descending")]).to_pylist()
    if not events:
        yield "consent    never given"
    for number, event in enumerate(events[:CONSENTS]):
        said = "given" if event["is_granted"] else "withdrawn"
        head = "consent    " if number == 0 else "           "
        yield f"{head}{said} {event['changed_at']:%Y-%m-%d %H:%M}, {event['consent_id']}"


def _suppression(
    alone: Known,
    listed: Listed | None,
    send_at: datetime | None = None,
    rules: Suppress | None = None,
) -> Iterator[str]:
    rows = [(r["suppressed_at"], r["reason"]) for r in alone.who.suppressions.to_pylist()]
    rows += [(r["occurred_at"], r["kind"]) for r in alone.who.reactions.to_pylist()]
    # A shop may keep an event among its suppressions, too.
    told = [f"{reason} {at:%Y-%m-%d %H:%M}" for at, reason in sorted({*rows})]
    told += [_by_policy(alone, send_at, rules)] if send_at and rules else []
    at_hand_off = listed.exclusion if listed and not any(told) else None
    if at_hand_off and at_hand_off.startswith("suppressed_"):
        told.append(f"{at_hand_off.removeprefix('suppressed_')}, found at the hand-off")
    yield f"suppressed {'; '.join(filter(None, told)) or 'no'}"


def _by_policy(alone: Known, send_at: datetime, rules: Suppress) -> str:
    """Name the rule of the policy that suppresses the customer, and what it goes by."""
    who = alone.who
    person = who.customers.append_column("send_at", pa.array([send_at], INSTANT))
    nothing = (who.suppressions.slice(0, 0), who.reactions.slice(0, 0))
    [exclusion] = permitted(person, None, *nothing, rules)["exclusion"].to_pylist()
    [known] = who.customers.to_pylist()
    age = f"born in {known['birth_year']}, suppress.minimum_age {rules.minimum_age}"
    return {
        "suppressed_manual": "by the policy, suppress.customers",
        "suppressed_country": f"{known['country']} by the policy, suppress.countries",
        "suppressed_age": f"{age} of the policy",
        None: "",
    }[exclusion]


def _caps(
    alone: Known, policy: ListPolicy, list_name: str, decided: dict[str, Any]
) -> Iterator[str]:
    [person] = alone.who.customers.to_pylist()
    own = (list_name, alone.who.night)
    letters = [r for r in alone.who.letters.to_pylist() if (r["list"], r["night"]) != own]
    limits = [_limits("letters", policy.caps)]
    strategy = policy.caps.by_strategy.get(decided["strategy"])
    if strategy:
        limits.append(_limits(f"letters {decided['strategy']}", strategy))
    yield f"caps       {'; '.join(limits)}"
    told = set()
    for letter in letters if decided["send_at"] else ():
        day = local_day(letter["send_at"], person["timezone"])
        # Promised and sent on the same day is one letter.
        is_told = (letter["list"], letter["night"], day) in told
        told |= {(letter["list"], letter["night"], day)} if letter["list"] else set()
        if not is_told and abs((day - decided["local_day"]).days) < caps.WEEK_DAYS:
            of = (
                f"list {letter['list']}, {letter['strategy']}"
                if letter["list"]
                else "the shop's own"
            )
            yield f"           {day}: {of}"


def _limits(what: str, cap: Cap) -> str:
    limits = {"day": cap.per_day, "week": cap.per_week}
    told = [f"{count} a {span}" for span, count in limits.items() if count is not None]
    return f"{what}: {', '.join(told) or 'any number'}"


def _arm(
    policy: ListPolicy, list_name: str, customer: str, decided: dict[str, Any]
) -> Iterator[str]:
    holdout, rules = policy.holdout, policy.list_named(list_name)
    [drawn] = arms.draws(f"hold_out:{holdout.name}", [customer])
    said = "held out" if drawn < holdout.share else "not held out"
    yield f"control    {said}: drew {drawn:.4f}, held out below {holdout.share:g}"
    yield (
        f"arm        {decided['arm']} of the experiment {rules.experiment}"
        f" ({decided['arm_propensity']:.0%} of customers), strategy {decided['strategy']}"
    )


def _campaigns(listed: Listed | None) -> Iterator[str]:
    if listed is None or listed.row is None:
        return
    yield ""
    yield "campaigns"
    for campaign in listed.row["campaigns"]:
        score = "" if campaign["score"] is None else f", score {campaign['score']:.4f}"
        yield f"  {campaign['rank']}. {campaign['name']}: {campaign['reason']}{score}"


def _refused(known: Known, made: Prepared, customer: str, listed: Listed | None) -> Iterator[str]:
    """Tell which of the first campaigns of the ranking the list had no room for.

    Nothing where the champion's scores are not there any more: by others the order is another.
    """
    is_scored = isinstance(known.scores, dataset.Dataset) or known.scores.num_rows > 0
    if listed is None or listed.row is None or not is_scored:
        return
    scored = replace(known, scores=_scores(known.scores, customer))
    n = made.night.customers["customer_id"].index(customer).as_py()
    [ranked_T] = ranked_campaigns(scored, made).cut(SHOWN).campaign_NT[n : n + 1]
    is_campaign = pc.is_null(listed.scarcity["product_id"])
    limited = {*listed.scarcity.filter(is_campaign)["campaign_id"].to_pylist()}
    refused = limited - {campaign["campaign_id"] for campaign in listed.row["campaigns"]}
    for place, k in enumerate(ranked_T[ranked_T != NOWHERE].tolist(), 1):
        campaign = made.night.campaigns.slice(k, 1).to_pylist()[0]
        if campaign["campaign_id"] in refused:
            yield f"  {campaign['name']} would be {place}., its stock went to others"


def _scores(scores: pa.Table | dataset.Dataset, customer: str) -> pa.Table:
    """Read one customer's alone."""
    is_his = pc.field("customer_id") == customer
    return scores.filter(is_his) if isinstance(scores, pa.Table) else scores.to_table(filter=is_his)


def _candidates(made: Prepared, n: int, listed: Listed | None) -> Iterator[str]:
    found = look_up(made.shelves, n, n + 1)
    priced = slate.priced(found, made.shelves, made.rules, slice(n, n + 1))
    scarcity_O = _scarcity(made.shelves, listed)
    row = listed.row if listed else None
    shown = {product["product_id"] for product in row["products"]} if row else set()
    # Of the one strategy's places, those without are not looked at for this letter.
    place_SC = made.rules.strategies.places_of(found.slot_C)
    is_used_C = place_SC[made.rules.strategies.code_N[n]] != NOWHERE
    for slot in Slot:
        if not is_used_C[found.slot_C == slot].any():
            continue
        market = int(made.shelves.market_N[n])
        lines = list(_source(made.shelves, market, found, slot, priced, scarcity_O, shown))
        if lines:
            yield ""
            yield f"{slot.name.lower()} (* shown)"
            yield "    score   chance     gain  scarcity  product"
            yield from lines
        for product in row["products"] if row else ():
            if product["slot"] == slot.name.lower() and product["propensity"] < 1:
                chance = f"{product['propensity']:.0%}"
                yield f"    {product['name']} was drawn, with a chance of {chance}"


def _scarcity(filled: Shelves, listed: Listed | None) -> np.ndarray:
    """Return what a promised unit of each offer costs, by the list; 0 where it says nothing."""
    offers = filled.assortment.offers
    scarcity_O = np.zeros(offers.num_rows)
    if listed is not None:
        place = positions(offer_keys(listed.scarcity), offer_keys(offers))
        there = place != NOWHERE
        scarcity_O[place[there]] = listed.scarcity["scarcity"].to_numpy()[there]
    return scarcity_O


def _source(
    filled: Shelves,
    market: int,
    found: Finds,
    slot: Slot,
    priced: tuple[np.ndarray, np.ndarray],
    scarcity_O: np.ndarray,
    shown: set[str],
) -> Iterator[str]:
    products, (chance_1C, gain_1C) = filled.assortment.products, priced
    columns = np.flatnonzero((found.slot_C == slot) & (found.product_NC[0] != NOWHERE))
    for told, c in enumerate(columns.tolist()):
        p, cause = int(found.product_NC[0, c]), int(found.cause_NC[0, c])
        product = products.slice(p, 1).to_pylist()[0]
        is_shown = product["product_id"] in shown
        if told >= EACH_SOURCE and not is_shown:
            continue
        because = f", {products['name'][cause].as_py()}" if cause != NOWHERE else ""
        scarcity = scarcity_O[filled.assortment.offer_MP[market, p]]
        yield (
            f"  {'*' if is_shown else ' '} {found.score_NC[0, c]:6.3f} {chance_1C[0, c]:8.4f}"
            f" {gain_1C[0, c]:8.4f} {scarcity:9.2f}  {product['name']} ({product['brand']}):"
            f" {Reason(int(found.reason_NC[0, c])).name.lower()}{because}"
        )
