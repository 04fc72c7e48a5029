"""The shop's life, one local day after the other, from its first day on.

A market is a world of its own: its customers see its campaigns, and its clock decides its days.
What carries over from day to day is stock, brands bought before, and who may be written to; it is
computed again from the first day in every run, so runs that meet give what one would have given.
"""

from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa

from vitrine.interval import midnight
from vitrine.simulator import mailing, pictures
from vitrine.simulator.campaigns import LONGEST_DAYS, Calendar, Campaign
from vitrine.simulator.catalogue import Catalogue, Product, make_brands
from vitrine.simulator.local_time import DAY, HOUR, instant_at, instants
from vitrine.simulator.outbox import Outbox, Picture
from vitrine.simulator.population import make_population
from vitrine.simulator.raw_format import numbered
from vitrine.simulator.shop import MARKETS, Shop
from vitrine.simulator.stock import allot
from vitrine.simulator.taste import Offer
from vitrine.simulator.visits import ANONYMOUS_SHARE, KINDS, Events, Requests, Sessions, visit
from vitrine.simulator.vocabulary import DEVICES, GROUPS, SUB_SECTORS

WEEKDAY_FACTORS = (1.0, 0.95, 0.95, 1.0, 0.9, 1.1, 1.3)
HOUR_WEIGHTS = (2, 1, 0, 0, 0, 1, 3, 12, 9, 6, 5, 5, 7, 7, 5, 4, 4, 5, 6, 8, 10, 10, 7, 4)
RETURN_SHARE = 0.08
OPT_OUT_SHARE = 0.0003
"""Chance a day that a customer withdraws the consent in the account's preferences."""
_GIVEN_GENDERS = pa.array(["F", "M", "X"])

Observer = Callable[[date, int, Offer, np.ndarray, np.ndarray], None]
"""Called each local day and market with the day, the market, what is on sale at noon, its customers
and how often each bought each of the offer's brands before: what the truth is computed from."""


class Simulation:
    """A shop at the start of the local day `next_day`; `advance` plays that day."""

    def __init__(self, shop: Shop, since: int) -> None:
        self.shop = shop
        self.outbox = Outbox(since)
        self.brands = make_brands(shop)
        self.people = make_population(shop)
        self.next_day = shop.founded_on
        self.founded = int(midnight(shop.founded_on).timestamp())
        self._observer: Observer | None = None
        self._calendar = Calendar(shop, Catalogue(shop, self.brands))
        self._campaigns: list[list[Campaign]] = [[] for _ in MARKETS]
        self._announced: set[str] = set()
        self._bought_NB = np.zeros((shop.customer_count, shop.brand_count), np.int16)
        self._may_write_N = self.people.allows_email_N.copy()
        for before in range(LONGEST_DAYS, -1, -1):
            self._announce(shop.founded_on - timedelta(days=before))
        self._register(self.people.is_known_at_founding_N, self.founded)

    def observe_with(self, observer: Observer) -> None:
        """Call `observer` on every day that is played from now on."""
        self._observer = observer

    def advance(self) -> None:
        """Play one local day in all markets: everything that occurs on it goes to the outbox."""
        day = self.next_day
        self._announce(day + timedelta(days=1))
        self._register(self._newcomers(day), None)
        for market in range(len(MARKETS)):
            self._play(day, market)
        self.next_day = day + timedelta(days=1)

    # Catalogue and customers

    def _announce(self, opens_on: date) -> None:
        for market, where in enumerate(MARKETS):
            opened = self._calendar.open_on(opens_on, market)
            fresh = [c for c in opened if c.closes_at > self.founded]
            self._campaigns[market] += fresh
            for campaign in fresh:
                self._post_campaign(campaign, where.country, where.timezone)

    def _post_campaign(self, campaign: Campaign, country: str, zone: str) -> None:
        at = max(campaign.announced_at, self.founded) + 60
        sub = SUB_SECTORS[campaign.sub_sector]
        row = {
            "campaign_id": pa.array([campaign.id]),
            "brand": pa.array([self.brands.names[campaign.brand]]),
            "sector": pa.array([sub.sector]),
            "sub_sector": pa.array([sub.name]),
            "country": pa.array([country]),
            "timezone": pa.array([zone]),
            "opens_at": np.array([campaign.opens_at]),
            "closes_at": np.array([campaign.closes_at]),
        }
        self.outbox.post("campaigns", row, np.array([at]), zone)
        count = len(campaign.products)
        lines = {
            "campaign_id": pa.array([campaign.id] * count),
            "product_id": pa.array([p.id for p in campaign.products]),
            "price": campaign.price_P,
            "initial_stock": campaign.initial_P,
        }
        self.outbox.post("campaign_products", lines, np.full(count, at + 1), zone)
        new = [p for p in campaign.products if p.id not in self._announced]
        self._announced |= {p.id for p in new}
        if new and at >= self.outbox.since:
            self._post_products(new, at, zone)

    def _post_products(self, products: list[Product], at: int, zone: str) -> None:
        received_N = np.full(len(products), at)
        self.outbox.post("products", self._product_rows(products), received_N, zone)
        drawn = [(p, view) for p in products for view in pictures.views(p)]
        rows = []
        for product, view in drawn:
            path = Path("images") / product.id[:5] / f"{product.id}-{view}.png"
            draws = self.shop.draws(f"picture {product.id}", pictures.VIEWS.index(view))
            png = pictures.draw_png(product, view, draws)
            rows.append((product.id, view, path.as_posix(), sha256(png).hexdigest()))
            self.outbox.pictures.append(Picture(at, path, png))
        names = ("product_id", "view", "path", "sha256")
        columns = {
            n: pa.array(list(c)) for n, c in zip(names, zip(*rows, strict=True), strict=True)
        }
        self.outbox.post("product_images", columns, np.full(len(rows), at), zone)

    def _product_rows(self, products: list[Product]) -> dict[str, np.ndarray | pa.Array]:
        subs = [SUB_SECTORS[p.sub_sector] for p in products]
        return {
            "product_id": pa.array([p.id for p in products]),
            "name": pa.array([p.name for p in products]),
            "description": pa.array([p.description for p in products]),
            "brand": pa.array([self.brands.names[p.brand] for p in products]),
            "sector": pa.array([s.sector for s in subs]),
            "sub_sector": pa.array([s.name for s in subs]),
            "colour": pa.array(
                [p.colour if p.is_colour_given else None for p in products], pa.string()
            ),
            "audience": pa.array([p.audience for p in products]),
            "life_stage": pa.array([p.life_stage for p in products]),
            "unit_cost": np.array([p.unit_cost for p in products]),
            "list_price": np.array([p.list_price for p in products]),
            "attributes": pa.array(
                ["|".join(f"{k}={v}" for k, v in p.labels.items()) for p in products]
            ),
        }

    def _newcomers(self, day: date) -> np.ndarray:
        """Mark who registers on a UTC day."""
        start = int(midnight(day).timestamp())
        at_N = self.people.signed_up_at_N
        return ~self.people.is_known_at_founding_N & (start <= at_N) & (at_N < start + DAY)

    def _register(self, chosen_N: np.ndarray, received_at: int | None) -> None:
        """Post the descriptions of customers, at `received_at` or a little after each sign-up."""
        for market, where in enumerate(MARKETS):
            who = np.flatnonzero(chosen_N & (self.people.market_N == market))
            if not len(who):
                continue
            signed_up = self.people.signed_up_at_N[who]
            received = signed_up + 15 if received_at is None else np.full(len(who), received_at)
            self.outbox.post("customers", self._customer_rows(who), received, where.timezone)
            ids = self.people.ids.take(pa.array(who))
            contacts = {
                "customer_id": ids,
                "email_address": self.people.addresses.take(pa.array(who)),
            }
            self.outbox.post("contacts", contacts, received, where.timezone)
            for purpose, allows_N in (
                ("email_marketing", self.people.allows_email_N),
                ("profiling", self.people.allows_profiling_N),
            ):
                allowed = np.flatnonzero(allows_N[who])
                self._post_consents(
                    who[allowed],
                    purpose,
                    True,
                    signed_up[allowed],
                    received[allowed],
                    "sign_up",
                    market,
                )

    def _customer_rows(self, who: np.ndarray) -> dict[str, np.ndarray | pa.Array]:
        people = self.people
        market = people.market_N[who]
        return {
            "customer_id": people.ids.take(pa.array(who)),
            "signed_up_at": people.signed_up_at_N[who],
            "birth_year": pa.array(
                people.birth_year_N[who], mask=~people.is_birth_year_given_N[who]
            ),
            "gender": _GIVEN_GENDERS.take(
                pa.array(people.gender_N[who], mask=~people.is_gender_given_N[who])
            ),
            "socio_professional_group": pa.array(GROUPS).take(
                pa.array(people.group_N[who], mask=~people.is_group_given_N[who])
            ),
            "country": pa.array([m.country for m in MARKETS]).take(pa.array(market)),
            "postal_code": numbered("", people.postcode_N[who], 5),
            "language": pa.array([m.language for m in MARKETS]).take(pa.array(market)),
            "timezone": pa.array([m.timezone for m in MARKETS]).take(pa.array(market)),
        }

    def _post_consents(
        self,
        who: np.ndarray,
        purpose: str,
        is_granted: bool,
        changed_at: np.ndarray,
        received_at: np.ndarray,
        source: str,
        market: int,
    ) -> None:
        count = len(who)
        word = f"{'G' if is_granted else 'W'}{purpose[0].upper()}"
        ids = pa.array(
            [f"{word}{w:07d}{c}" for w, c in zip(who.tolist(), changed_at.tolist(), strict=True)],
            pa.string(),
        )
        rows = {
            "consent_id": ids,
            "customer_id": self.people.ids.take(pa.array(who)),
            "purpose": pa.array([purpose] * count, pa.string()),
            "is_granted": pa.array(["yes" if is_granted else "no"] * count, pa.string()),
            "changed_at": changed_at,
            "source": pa.array([source] * count, pa.string()),
        }
        self.outbox.post("consents", rows, received_at, MARKETS[market].timezone)

    # One day in one market

    def _play(self, day: date, market: int) -> None:
        zone = MARKETS[market].timezone
        midnight_at = instant_at(day, 0, zone)
        self._campaigns[market] = [c for c in self._campaigns[market] if c.closes_at > midnight_at]
        until = instant_at(day + timedelta(days=1), 1, zone)
        offer = Offer.of([c for c in self._campaigns[market] if c.opens_at < until], self.brands)
        self._observe(day, market, offer, zone)
        self._count_stock(midnight_at, offer, market)
        clicks = self._write_newsletter(day, market)
        self._opt_out(day, market)
        sessions = self._sessions(day, market, clicks)
        if len(sessions.customer_S):
            self._serve(day, market, offer, sessions)

    def _observe(self, day: date, market: int, offer: Offer, zone: str) -> None:
        if self._observer is None:
            return
        noon = instant_at(day, 12, zone)
        on_sale = [c for c in offer.campaigns if c.opens_at <= noon < c.closes_at]
        members = self.people.members[market]
        who = members[self.people.signed_up_at_N[members] <= noon]
        at_noon = Offer.of(on_sale, self.brands)
        self._observer(day, market, at_noon, who, self._bought_NB[who][:, at_noon.brand_J])

    def _count_stock(self, at: int, offer: Offer, market: int) -> None:
        """Post what is left of each product on sale at the local midnight."""
        on_sale = [c for c in offer.campaigns if c.opens_at <= at]
        if at < self.founded or not on_sale:
            return
        rows = {
            "product_id": pa.array([p.id for c in on_sale for p in c.products]),
            "location": pa.array(
                [f"warehouse-{MARKETS[market].country}" for c in on_sale for _ in c.products]
            ),
            "quantity": np.concatenate([c.left_P for c in on_sale]),
            "occurred_at": np.full(sum(len(c.products) for c in on_sale), at),
        }
        received_N = np.full(len(rows["quantity"]), at + 120)
        self.outbox.post("stock_levels", rows, received_N, MARKETS[market].timezone)

    def _sessions(self, day: date, market: int, clicks: tuple[np.ndarray, np.ndarray]) -> Sessions:
        draws = self.shop.draws("sessions", day.toordinal(), market)
        people, members = self.people, self.people.members[market]
        rate = people.visits_per_day_N[members] * WEEKDAY_FACTORS[day.weekday()]
        comers = np.repeat(members, draws.poisson(rate))
        weights = np.array(HOUR_WEIGHTS) / sum(HOUR_WEIGHTS)
        seconds = HOUR * draws.choice(24, len(comers), p=weights) + draws.integers(
            0, HOUR, len(comers)
        )
        start = np.r_[instants(day, seconds, MARKETS[market].timezone), clicks[1]]
        customer = np.r_[comers, clicks[0]]
        on_phone = draws.random(len(customer)) < people.phone_share_N[customer]
        device = np.where(on_phone, 0, np.where(draws.random(len(customer)) < 0.8, 1, 2))
        is_anonymous = draws.random(len(customer)) < ANONYMOUS_SHARE
        keep = (start >= self.founded) & (start > people.signed_up_at_N[customer])
        order = np.lexsort((customer, start))
        order = order[keep[order]]
        return Sessions(customer[order], start[order], device[order], is_anonymous[order])

    def _serve(self, day: date, market: int, offer: Offer, sessions: Sessions) -> None:
        draws = self.shop.draws("visits", day.toordinal(), market)
        bought_SJ = self._bought_NB[sessions.customer_S][:, offer.brand_J]
        events, requests = visit(draws, self.people, offer, sessions, bought_SJ)
        sold = self._sell(offer, requests)
        customer_R = sessions.customer_S[requests.session_R]
        pairs = np.unique(
            np.stack([customer_R[sold], offer.brand_J[requests.campaign_R[sold]]]), axis=1
        )
        self._bought_NB[pairs[0], pairs[1]] += 1
        self._post_events(day, market, offer, sessions, events)
        self._post_orders(day, market, offer, sessions, requests, sold)

    def _sell(self, offer: Offer, requests: Requests) -> np.ndarray:
        """Take the requested units from stock as far as it goes; say which requests were served."""
        sizes = [len(c.products) for c in offer.campaigns]
        first_J = np.cumsum([0, *sizes])
        left_I = np.concatenate([c.left_P for c in offer.campaigns] or [np.zeros(0, np.int64)])
        item_R = first_J[requests.campaign_R] + requests.product_R
        sold = allot(item_R, requests.quantity_R, requests.at_R, left_I)
        np.subtract.at(left_I, item_R[sold], requests.quantity_R[sold])
        for campaign, first, size in zip(offer.campaigns, first_J, sizes, strict=False):
            campaign.left_P = left_I[first : first + size]
        return sold

    def _post_events(
        self, day: date, market: int, offer: Offer, sessions: Sessions, events: Events
    ) -> None:
        order = np.lexsort((np.arange(len(events.at_E)), events.at_E))
        session, campaign = events.session_E[order], events.campaign_E[order]
        product, position = events.product_E[order], events.position_E[order]
        stem = f"{day:%Y%m%d}{MARKETS[market].country}"
        anonymous = sessions.is_anonymous_S[session]
        rows = {
            "event_id": numbered(f"E{stem}", np.arange(len(order)), 7),
            "customer_id": self.people.ids.take(
                pa.array(sessions.customer_S[session], mask=anonymous)
            ),
            "session_id": numbered(f"S{stem}", session, 6),
            "kind": pa.array(KINDS).take(pa.array(events.kind_E[order])),
            "campaign_id": _campaign_ids(offer).take(pa.array(campaign, mask=campaign < 0)),
            "product_id": _product_ids(offer, campaign, product),
            "position": pa.array(position, mask=position < 0),
            "device": pa.array(DEVICES).take(pa.array(sessions.device_S[session])),
            "occurred_at": events.at_E[order],
        }
        self._post_facts("events", rows, day, market)

    def _post_orders(
        self,
        day: date,
        market: int,
        offer: Offer,
        sessions: Sessions,
        requests: Requests,
        sold_R: np.ndarray,
    ) -> None:
        order = np.flatnonzero(sold_R)
        order = order[np.lexsort((order, requests.session_R[order], requests.at_R[order]))]
        session, campaign = requests.session_R[order], requests.campaign_R[order]
        first = np.unique(session, return_index=True)[1]
        is_first = np.isin(np.arange(len(order)), first)
        number = np.cumsum(is_first) - 1
        line = np.arange(len(order)) - np.maximum.accumulate(
            np.where(is_first, np.arange(len(order)), 0)
        )
        stem = f"{day:%Y%m%d}{MARKETS[market].country}"
        price = [
            offer.campaigns[j].price_P[p]
            for j, p in zip(campaign.tolist(), requests.product_R[order].tolist(), strict=True)
        ]
        channel = np.where(sessions.device_S[session] == 0, 1, 0)
        rows = {
            "order_id": numbered(f"O{stem}", number, 6),
            "line": line + 1,
            "customer_id": self.people.ids.take(pa.array(sessions.customer_S[session])),
            "product_id": _product_ids(offer, campaign, requests.product_R[order]),
            "campaign_id": _campaign_ids(offer).take(pa.array(campaign)),
            "quantity": requests.quantity_R[order],
            "unit_price": np.array(price, np.float64),
            "channel": pa.array(["web", "app"]).take(pa.array(channel)),
            "kind": pa.array(["sale"] * len(order), pa.string()),
            "occurred_at": requests.at_R[order],
        }
        self._post_facts("orders", rows, day, market)
        self._post_returns(rows, day, market)

    def _post_returns(
        self, sales: dict[str, np.ndarray | pa.Array], day: date, market: int
    ) -> None:
        """Post the lines that will come back: the same line, 3 to 14 days later."""
        draws = self.shop.draws("returns", day.toordinal(), market)
        count = len(sales["line"])
        back = np.flatnonzero(draws.random(count) < RETURN_SHARE)
        at = np.asarray(sales["occurred_at"])[back] + draws.integers(3 * DAY, 14 * DAY, len(back))
        rows = {
            name: column[back] if isinstance(column, np.ndarray) else column.take(pa.array(back))
            for name, column in sales.items()
        }
        stem = f"R{day:%Y%m%d}{MARKETS[market].country}"
        rows |= {
            "order_id": numbered(stem, np.arange(len(back)), 6),
            "line": np.ones(len(back), np.int64),
            "kind": pa.array(["return"] * len(back), pa.string()),
            "occurred_at": at,
        }
        self._post_facts("orders", rows, day, market, "returns")

    def _post_facts(
        self,
        table: str,
        rows: dict[str, np.ndarray | pa.Array],
        day: date,
        market: int,
        purpose: str = "",
    ) -> None:
        if len(rows["occurred_at"]):
            draws = self.shop.draws(f"delivery {table} {purpose}", day.toordinal(), market)
            self.outbox.post_facts(table, rows, draws, MARKETS[market].timezone)

    # Letters and consent

    def _write_newsletter(self, day: date, market: int) -> tuple[np.ndarray, np.ndarray]:
        """Send the newsletter; return who clicks and when."""
        zone = MARKETS[market].timezone
        draws = self.shop.draws("newsletter", day.toordinal(), market)
        members = self.people.members[market]
        known = members[self.people.signed_up_at_N[members] < instant_at(day, 0, zone)]
        sent = mailing.send(draws, self.people, known, self._may_write_N)
        message = numbered(f"M{day:%Y%m%d}{MARKETS[market].country}", sent.customer_M, 7)
        ids = self.people.ids.take(pa.array(sent.customer_M))
        parts = []
        for kind, second_M in (
            ("sent", sent.sent_M),
            ("bounced", sent.bounced_M),
            ("opened", sent.opened_M),
            ("clicked", sent.clicked_M),
            ("unsubscribed", sent.unsubscribed_M),
            ("complained", sent.complained_M),
        ):
            which = np.flatnonzero(second_M >= 0)
            parts.append((kind, which, instants(day, second_M[which], zone)))
        which = np.concatenate([p[1] for p in parts])
        rows = {
            "message_id": message.take(pa.array(which)),
            "customer_id": ids.take(pa.array(which)),
            "kind": pa.array([p[0] for p in parts for _ in p[1]], pa.string()),
            "occurred_at": np.concatenate([p[2] for p in parts]),
        }
        self._post_facts("email_events", rows, day, market)
        for kind, which, at in parts:
            self._end_writing(kind, sent.customer_M[which], at, market)
        clicked = next(p for p in parts if p[0] == "clicked")
        return sent.customer_M[clicked[1]], clicked[2] + 5

    def _end_writing(self, kind: str, who: np.ndarray, at: np.ndarray, market: int) -> None:
        reasons = {
            "unsubscribed": "unsubscribed",
            "bounced": "hard_bounce",
            "complained": "complaint",
        }
        if kind not in reasons or not len(who):
            return
        self._may_write_N[who] = False
        rows = {
            "suppression_id": pa.array([f"X{w:07d}{reasons[kind][0].upper()}" for w in who]),
            "customer_id": self.people.ids.take(pa.array(who)),
            "email_address": pa.nulls(len(who), pa.string()),
            "reason": pa.array([reasons[kind]] * len(who)),
            "suppressed_at": at,
        }
        self.outbox.post("suppressions", rows, at + 10, MARKETS[market].timezone)
        if kind == "unsubscribed":
            self._post_consents(
                who, "email_marketing", False, at, at + 10, "unsubscribe_link", market
            )

    def _opt_out(self, day: date, market: int) -> None:
        """Let some customers withdraw their consent in the account's preferences."""
        zone = MARKETS[market].timezone
        draws = self.shop.draws("preferences", day.toordinal(), market)
        members = self.people.members[market]
        leaves = (draws.random(len(members)) < OPT_OUT_SHARE) & self._may_write_N[members]
        at_N = instants(day, draws.integers(9 * HOUR, 22 * HOUR, len(members)), zone)
        leaves &= self.people.signed_up_at_N[members] < at_N
        who, at = members[leaves], at_N[leaves]
        self._may_write_N[who] = False
        if len(who):
            self._post_consents(
                who, "email_marketing", False, at, at + 10, "preference_centre", market
            )


def _campaign_ids(offer: Offer) -> pa.Array:
    return pa.array([c.id for c in offer.campaigns], pa.string())


def _product_ids(offer: Offer, campaign_N: np.ndarray, product_N: np.ndarray) -> pa.Array:
    """Look up the ids of the campaigns' n-th products; null where `product_N` is -1."""
    first_J = np.cumsum([0] + [len(c.products) for c in offer.campaigns])
    ids = pa.array([p.id for c in offer.campaigns for p in c.products], pa.string())
    place = np.maximum(first_J[campaign_N] + product_N, 0)
    return ids.take(pa.array(place, mask=product_N < 0))
