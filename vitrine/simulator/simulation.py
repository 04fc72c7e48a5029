"""The shop's life, one local day after the other, from its first day on.

A market is a world of its own: its customers see its campaigns, and its clock decides its days.
What carries over from day to day is stock, brands bought before, and who may be written to; it is
computed again from the first day in every run, so runs that meet give what one would have given.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrine.interval import midnight
from vitrine.letters import LETTERS
from vitrine.simulator import mailing, pictures, rows
from vitrine.simulator.campaigns import LONGEST_DAYS, Calendar, Campaign
from vitrine.simulator.catalogue import Catalogue, Product, make_brands
from vitrine.simulator.letters import Letterbox, read
from vitrine.simulator.local_time import DAY, HOUR, instant_at, instants
from vitrine.simulator.outbox import Outbox, Picture
from vitrine.simulator.population import make_population
from vitrine.simulator.raw_format import numbered
from vitrine.simulator.rows import Rows
from vitrine.simulator.shop import MARKETS, Market, Shop
from vitrine.simulator.stock import allot
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import (
    ANONYMOUS_SHARE,
    Events,
    Landing,
    Requests,
    Sessions,
    visit,
)

WEEKDAY_FACTORS = (1.0, 0.95, 0.95, 1.0, 0.9, 1.1, 1.3)
HOUR_WEIGHTS = (2, 1, 0, 0, 0, 1, 3, 12, 9, 6, 5, 5, 7, 7, 5, 4, 4, 5, 6, 8, 10, 10, 7, 4)
"""How visits spread over the local hours of a day."""
DESKTOP_SHARE = 0.8
"""Of the visits that are not made on a phone; the rest are made on a tablet."""
RETURN_SHARE = 0.08
RETURN_DAYS = (3, 14)
OPT_OUT_SHARE = 0.0003
"""Chance a day that a customer withdraws the consent in the account's preferences."""
SUPPRESSION_REASONS = {
    "bounced": "hard_bounce",
    "unsubscribed": "unsubscribed",
    "complained": "complaint",
}
LAST_HOUR = 23
"""Local hour after which nobody reads mail."""
STEP_S = 10
"""Seconds from a change in the shop's own records to its receipt."""

Observer = Callable[[date, int, Offer, np.ndarray, np.ndarray], None]
"""Called for each day and market with the day, the market's number, what is on sale at the local
noon, the customers who registered by then, and how often each ordered from each campaign's brand
before, int16 of shape (customers, campaigns): what the truth is computed from."""


@dataclass(frozen=True)
class _Visits:
    """Sessions of a market's day and what they do."""

    sessions: Sessions
    seen: Events
    requests: Requests
    takes_place_S: np.ndarray
    """bool; of the others only the random numbers were needed."""
    stem: str
    """What ids begin with."""
    cause: str = ""
    """Names the streams of random numbers."""


@dataclass(frozen=True)
class _Clickers:
    """Who visits because of a mail, and when; of a letter also where the link leads."""

    customer_S: np.ndarray
    start_S: np.ndarray
    landing: Landing | None = None


class Simulation:
    """A shop at the start of the local day `next_day`; `advance` plays that day."""

    def __init__(self, shop: Shop, since: int, letters: pa.Table | None = None) -> None:
        """Found the shop; rows received before `since` are not kept.

        From `shop.lists_since` on its mail is `letters`, of `vitrine.letters.LETTERS`' columns.
        """
        self.shop = shop
        self.outbox = Outbox(since)
        self.people = make_population(shop)
        self._letterbox = Letterbox(LETTERS.empty() if letters is None else letters, self.people)
        self.next_day = shop.founded_on
        self._observer: Observer | None = None
        self._founded = int(midnight(shop.founded_on).timestamp())
        self._brands = make_brands(shop)
        self._calendar = Calendar(shop, Catalogue(shop, self._brands))
        self._campaigns: list[list[Campaign]] = [[] for _ in MARKETS]
        self._announced: set[str] = set()
        self._bought_NB = np.zeros((shop.customer_count, shop.brand_count), np.int16)
        self._may_write_N = self.people.allows_email_N.copy()
        for ahead in range(-LONGEST_DAYS, shop.announced_days):
            self._announce(shop.founded_on + timedelta(days=ahead))
        self._register(self.people.is_known_at_founding_N, self._founded)

    def observe_with(self, observer: Observer) -> None:
        """Call `observer` on every day that is played from now on."""
        self._observer = observer

    def advance(self) -> None:
        """Play one local day in all markets: everything that occurs on it goes to the outbox."""
        day = self.next_day
        self._announce(day + timedelta(days=self.shop.announced_days))
        self._register(self._newcomers(day), None)
        for market in range(len(MARKETS)):
            self._play(day, market)
        self.next_day = day + timedelta(days=1)

    # Campaigns and customers become known

    def _announce(self, opens_on: date) -> None:
        for market in range(len(MARKETS)):
            for campaign in self._calendar.open_on(opens_on, market):
                if campaign.closes_at > self._founded:
                    self._campaigns[market].append(campaign)
                    self._post_campaign(campaign)

    def _post_campaign(self, campaign: Campaign) -> None:
        market = MARKETS[campaign.market]
        received_at = max(campaign.announced_at, self._founded) + STEP_S
        new = [p for p in campaign.products if p.id not in self._announced]
        self._announced |= {p.id for p in new}
        if received_at < self.outbox.since:
            return
        if new:
            self._post_products(new, received_at, market.timezone)
        brand = self._brands.names[campaign.brand]
        self._post("campaigns", rows.campaign(campaign, brand, market), received_at, market)
        self._post("campaign_products", rows.campaign_products(campaign), received_at, market)

    def _post_products(self, new: list[Product], received_at: int, zone: str) -> None:
        received_N = np.full(len(new), received_at)
        self.outbox.post("products", rows.products(new, self._brands.names), received_N, zone)
        images: dict[str, list[str]] = {n: [] for n in ("product_id", "view", "path", "sha256")}
        for product in new:
            for number, view in enumerate(pictures.views(product)):
                draws = self.shop.draws(f"picture {product.id}", number)
                png = pictures.draw_png(product, view, draws)
                path = Path("images") / product.id[:5] / f"{product.id}-{view}.png"
                self.outbox.pictures.append(Picture(received_at, path, png))
                values = (product.id, view, path.as_posix(), sha256(png).hexdigest())
                for column, value in zip(images.values(), values, strict=True):
                    column.append(value)
        columns: Rows = {name: rows.text(column) for name, column in images.items()}
        received_N = np.full(len(images["view"]), received_at)
        self.outbox.post("product_images", columns, received_N, zone)

    def _newcomers(self, day: date) -> np.ndarray:
        """Mark who registers on a UTC day."""
        start = int(midnight(day).timestamp())
        at_N = self.people.signed_up_at_N
        return ~self.people.is_known_at_founding_N & (start <= at_N) & (at_N < start + DAY)

    def _register(self, is_chosen_N: np.ndarray, received_at: int | None) -> None:
        """Post who customers are, at `received_at` or a little after each sign-up."""
        people = self.people
        for number, market in enumerate(MARKETS):
            who = np.flatnonzero(is_chosen_N & (people.market_N == number))
            signed_up_N = people.signed_up_at_N[who]
            received = signed_up_N + STEP_S if received_at is None else received_at
            self._post("customers", rows.customers(people, who), received, market)
            self._post("contacts", rows.contacts(people, who), received, market)
            for purpose, allows_N in (
                ("email_marketing", people.allows_email_N),
                ("profiling", people.allows_profiling_N),
            ):
                agreed = np.flatnonzero(allows_N[who])
                ledger = rows.consents(
                    people, who[agreed], purpose, True, signed_up_N[agreed], "sign_up"
                )
                at = received if isinstance(received, int) else received[agreed]
                self._post("consents", ledger, at, market)

    # One day in one market

    def _play(self, day: date, market: int) -> None:
        zone = MARKETS[market].timezone
        begins, ends = instant_at(day, 0, zone), instant_at(day + timedelta(days=1), 0, zone)
        current = [c for c in self._campaigns[market] if c.closes_at > begins]
        self._campaigns[market] = current
        offer = Offer.of([c for c in current if c.opens_at < ends], self._brands)
        self._observe(day, market, offer)
        self._count_stock(begins, market, [c for c in offer.campaigns if c.opens_at <= begins])
        newsletter = self._write_newsletter(day, market)
        letters = self._send_letters(day, market, offer) if self._is_mailed_by_lists(day) else None
        self._opt_out(day, market)
        if offer.campaigns:
            visits = [self._own_visits(day, market, offer, newsletter)]
            if letters is not None:
                visits.append(self._visits_of_letters(day, market, offer, letters))
            self._serve(day, market, offer, visits)

    def _observe(self, day: date, market: int, offer: Offer) -> None:
        if self._observer is None:
            return
        noon = instant_at(day, 12, MARKETS[market].timezone)
        on_sale = [c for c in offer.campaigns if c.opens_at <= noon < c.closes_at]
        members = self.people.members[market]
        who = members[self.people.signed_up_at_N[members] <= noon]
        at_noon = Offer.of(on_sale, self._brands)
        self._observer(day, market, at_noon, who, self._bought_NB[who][:, at_noon.brand_J])

    def _count_stock(self, at: int, market: int, on_sale: list[Campaign]) -> None:
        """Post what is left of each product on sale at the local midnight."""
        if at >= self._founded and on_sale:
            where = MARKETS[market]
            counted = rows.stock_levels(on_sale, where.country, at)
            self._post("stock_levels", counted, at + STEP_S, where)

    def _own_visits(self, day: date, market: int, offer: Offer, newsletter: _Clickers) -> _Visits:
        """Play the visits of own habit, and those that the newsletter brings where it is sent."""
        sessions, is_mailed_S = self._sessions(day, market, newsletter)
        draws = self.shop.draws("visits", day.toordinal(), market)
        visits = self._visits(draws, offer, sessions, self._stem(day, market))
        if not self._is_mailed_by_lists(day):
            return visits
        # So customers come, look and buy on their own as they would beside the newsletter.
        requests = visits.requests.only(~is_mailed_S[visits.requests.session_R])
        return replace(visits, requests=requests, takes_place_S=~is_mailed_S)

    def _visits_of_letters(
        self, day: date, market: int, offer: Offer, letters: _Clickers
    ) -> _Visits:
        """Play the visits that letters bring: they begin where the link leads."""
        draws = self.shop.draws("visits of letters", day.toordinal(), market)
        on_phone_S = (
            draws.random(len(letters.customer_S)) < (self.people.phone_share_N[letters.customer_S])
        )
        is_anonymous_S = np.zeros(len(on_phone_S), bool)
        sessions = Sessions(
            letters.customer_S, letters.start_S, np.where(on_phone_S, 0, 1), is_anonymous_S
        )
        stem = f"{self._stem(day, market)}L"
        return self._visits(draws, offer, sessions, stem, letters.landing)

    def _visits(
        self,
        draws: np.random.Generator,
        offer: Offer,
        sessions: Sessions,
        stem: str,
        landing: Landing | None = None,
    ) -> _Visits:
        bought_SJ = self._bought_NB[sessions.customer_S][:, offer.brand_J]
        seen, requests = visit(draws, self.people, offer, sessions, bought_SJ, landing)
        cause = " of letters" if landing else ""
        return _Visits(sessions, seen, requests, np.ones(len(bought_SJ), bool), stem, cause)

    def _stem(self, day: date, market: int) -> str:
        return f"{day:%Y%m%d}{MARKETS[market].country}"

    def _sessions(
        self, day: date, market: int, newsletter: _Clickers
    ) -> tuple[Sessions, np.ndarray]:
        """Draw who visits when, by own habit or for the newsletter; mark the latter."""
        draws = self.shop.draws("sessions", day.toordinal(), market)
        people, members = self.people, self.people.members[market]
        rate_N = people.visits_per_day_N[members] * WEEKDAY_FACTORS[day.weekday()]
        comers = np.repeat(members, draws.poisson(rate_N))
        weights = np.array(HOUR_WEIGHTS) / sum(HOUR_WEIGHTS)
        hour_S = draws.choice(24, len(comers), p=weights)
        second_S = HOUR * hour_S + draws.integers(0, HOUR, len(comers))
        own_S = instants(day, second_S, MARKETS[market].timezone)
        start_S = np.r_[own_S, newsletter.start_S]
        customer_S = np.r_[comers, newsletter.customer_S]
        on_phone_S = draws.random(len(customer_S)) < people.phone_share_N[customer_S]
        other_S = np.where(draws.random(len(customer_S)) < DESKTOP_SHARE, 1, 2)
        is_anonymous_S = draws.random(len(customer_S)) < ANONYMOUS_SHARE
        exists_S = (start_S >= self._founded) & (start_S > people.signed_up_at_N[customer_S])
        order = np.lexsort((customer_S, start_S))
        order = order[exists_S[order]]
        device_S = np.where(on_phone_S, 0, other_S)
        sessions = Sessions(
            customer_S[order], start_S[order], device_S[order], is_anonymous_S[order]
        )
        return sessions, order >= len(comers)

    def _serve(self, day: date, market: int, offer: Offer, visits: list[_Visits]) -> None:
        """Sell what is asked for while stock lasts, first come, first served; report it all."""
        # What the first of them order is delivered as if the others had not come, but for what
        # these took away. So it does not depend on letters that are not known yet.
        alone, _ = self._served(offer, visits[:1])
        served = self._sell(offer, visits)
        candidates = [*alone, *served[1:]]
        for each, is_candidate_R, is_sold_R in zip(visits, candidates, served, strict=True):
            events = rows.events(self.people, offer, each.sessions, each.seen, each.stem)
            takes_place_N = each.takes_place_S[each.seen.session_E[each.seen.by_time()]]
            self._post_facts("events", events, day, market, each.cause, takes_place_N)
            ordered = each.requests.only(is_candidate_R)
            lines = rows.sales(self.people, offer, each.sessions, ordered, each.stem)
            is_true_N = is_sold_R[is_candidate_R][ordered.by_time()]
            self._post_facts("orders", lines, day, market, each.cause, is_true_N)
            sold = rows.taken(lines, np.flatnonzero(is_true_N))
            self._post_returns(sold, day, market, each)
        self._remember(offer, visits, served)

    def _sell(self, offer: Offer, visits: list[_Visits]) -> list[np.ndarray]:
        """Take the requested units from stock as far as it goes; say which requests were served."""
        served, left_I = self._served(offer, visits)
        ends = np.cumsum([len(campaign.products) for campaign in offer.campaigns])[:-1]
        for campaign, left_P in zip(offer.campaigns, np.split(left_I, ends), strict=True):
            campaign.left_P = left_P
        return served

    def _served(self, offer: Offer, visits: list[_Visits]) -> tuple[list[np.ndarray], np.ndarray]:
        """Return which requests of each can be served, and what is then left of each product."""
        first_J = np.cumsum([0] + [len(c.products) for c in offer.campaigns])
        left_I = np.concatenate([c.left_P for c in offer.campaigns])
        requests = [each.requests for each in visits]
        item_R = np.concatenate([first_J[r.campaign_R] + r.product_R for r in requests])
        quantity_R = np.concatenate([r.quantity_R for r in requests])
        at_R = np.concatenate([r.at_R for r in requests])
        is_sold_R = allot(item_R, quantity_R, at_R, left_I)
        np.subtract.at(left_I, item_R[is_sold_R], quantity_R[is_sold_R])
        ends = np.cumsum([len(r.at_R) for r in requests])[:-1]
        return np.split(is_sold_R, ends), left_I

    def _remember(self, offer: Offer, visits: list[_Visits], served: list[np.ndarray]) -> None:
        """Count, once a day, that a customer bought from a brand."""
        customer_R = [v.sessions.customer_S[v.requests.session_R] for v in visits]
        brand_R = [offer.brand_J[v.requests.campaign_R] for v in visits]
        bought = np.stack([np.concatenate(customer_R), np.concatenate(brand_R)])
        pairs = np.unique(bought[:, np.concatenate(served)], axis=1)
        self._bought_NB[pairs[0], pairs[1]] += 1

    def _post_returns(self, sold: Rows, day: date, market: int, visits: _Visits) -> None:
        """Post the lines of a day that will come back."""
        draws = self.shop.draws(f"returns{visits.cause}", day.toordinal(), market)
        occurred_N = np.asarray(sold["occurred_at"])
        back = np.flatnonzero(draws.random(len(occurred_N)) < RETURN_SHARE)
        wait_N = draws.integers(RETURN_DAYS[0] * DAY, RETURN_DAYS[1] * DAY, len(back))
        lines = rows.returns(sold, back, occurred_N[back] + wait_N, visits.stem)
        self._post_facts("orders", lines, day, market, f"of returns{visits.cause}")

    # Letters and consent

    def _is_mailed_by_lists(self, day: date) -> bool:
        return self.shop.lists_since is not None and self.shop.lists_since <= day

    def _write_newsletter(self, day: date, market: int) -> _Clickers:
        """Send the newsletter, unless lists are the shop's mail; return who visits for it, when."""
        where = MARKETS[market]
        draws = self.shop.draws("newsletter", day.toordinal(), market)
        members = self.people.members[market]
        is_known = self.people.signed_up_at_N[members] < instant_at(day, 0, where.timezone)
        sent = mailing.send(draws, self.people, members[is_known], self._may_write_N)
        reactions = {
            kind: np.where(second_M >= 0, instants(day, second_M, where.timezone), -1)
            for kind, second_M in sent.reactions().items()
        }
        if not self._is_mailed_by_lists(day):
            message_M = numbered(f"M{self._stem(day, market)}", sent.customer_M, 7)
            self._report_mail(day, market, message_M, sent.customer_M, reactions)
        clicks = np.flatnonzero(reactions["clicked"] >= 0)
        return _Clickers(sent.customer_M[clicks], reactions["clicked"][clicks] + STEP_S)

    def _send_letters(self, day: date, market: int, offer: Offer) -> _Clickers:
        """Send what published lists say; return who visits because of it, when and where."""
        letters = self._letterbox.of(day, market)
        draws = self.shop.draws("letters", day.toordinal(), market)
        bought_MJ = self._bought_NB[letters.customer_M][:, offer.brand_J]
        day_ends = instant_at(day, LAST_HOUR, MARKETS[market].timezone)
        reading = read(draws, self.people, offer, letters, bought_MJ, day_ends)
        self._report_mail(day, market, letters.message_M, letters.customer_M, reading.reactions)
        return _Clickers(reading.customer_S, reading.start_S + STEP_S, reading.landing)

    def _report_mail(
        self,
        day: date,
        market: int,
        message_M: pa.Array,
        customer_M: np.ndarray,
        reactions: dict[str, np.ndarray],
    ) -> None:
        """Post what became of a day's mail, and stop writing to those who want no more of it."""
        facts = rows.email_events(self.people, message_M, customer_M, reactions)
        self._post_facts("email_events", facts, day, market)
        for kind, reason in SUPPRESSION_REASONS.items():
            place = np.flatnonzero(reactions[kind] >= 0)
            self._suppress(customer_M[place], reason, reactions[kind][place], MARKETS[market])

    def _suppress(self, who: np.ndarray, reason: str, at_N: np.ndarray, market: Market) -> None:
        """Stop writing to customers; who unsubscribes withdraws the consent as well.

        A letter may reach somebody who has left since its list was made: that changes nothing.
        """
        _, first = np.unique(who, return_index=True)
        first = np.sort(first[self._may_write_N[who[first]]])
        who, at_N = who[first], at_N[first]
        self._may_write_N[who] = False
        suppressed = rows.suppressions(self.people, who, reason, at_N)
        self._post("suppressions", suppressed, at_N + STEP_S, market)
        if reason == "unsubscribed":
            self._withdraw(who, at_N, "unsubscribe_link", market)

    def _opt_out(self, day: date, market: int) -> None:
        """Let some customers withdraw their consent in the account's preferences."""
        where, members = MARKETS[market], self.people.members[market]
        draws = self.shop.draws("preferences", day.toordinal(), market)
        leaves_N = (draws.random(len(members)) < OPT_OUT_SHARE) & self._may_write_N[members]
        at_N = instants(day, draws.integers(9 * HOUR, 22 * HOUR, len(members)), where.timezone)
        leaves_N &= self.people.signed_up_at_N[members] < at_N
        self._may_write_N[members[leaves_N]] = False
        self._withdraw(members[leaves_N], at_N[leaves_N], "preference_centre", where)

    def _withdraw(self, who: np.ndarray, at_N: np.ndarray, source: str, market: Market) -> None:
        ledger = rows.consents(self.people, who, "email_marketing", False, at_N, source)
        self._post("consents", ledger, at_N + STEP_S, market)

    # Posting

    def _post(
        self, table: str, columns: Rows, received_at: int | np.ndarray, market: Market
    ) -> None:
        count = len(next(iter(columns.values())))
        received_N = np.broadcast_to(np.asarray(received_at, np.int64), (count,))
        self.outbox.post(table, columns, received_N, market.timezone)

    def _post_facts(
        self,
        table: str,
        columns: Rows,
        day: date,
        market: int,
        detail: str = "",
        is_true_N: np.ndarray | None = None,
    ) -> None:
        draws = self.shop.draws(f"delivery {table} {detail}", day.toordinal(), market)
        self.outbox.post_facts(table, columns, draws, MARKETS[market].timezone, is_true_N)
