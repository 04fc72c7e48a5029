"""The columns of each raw table as text, from numbers; names are those of `raw_format.COLUMNS`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vitrine.contracts import NO_COUNTRY
from vitrine.simulator.raw_format import COLUMNS, numbered
from vitrine.simulator.retailer import vocabulary as words
from vitrine.simulator.retailer.clock import instant_text
from vitrine.simulator.retailer.customers import Customers
from vitrine.simulator.retailer.orders import Facts
from vitrine.simulator.retailer.products import Products
from vitrine.simulator.retailer.registers import MAIL_KINDS, PURPOSES
from vitrine.simulator.retailer.sessions import EVENT_KINDS

Texts = dict[str, pa.Array]
_DEPARTMENTS = words.DEPARTMENTS
_SECTOR_G = np.array([words.SECTORS.index(d.sector) for d in _DEPARTMENTS])


@dataclass(frozen=True)
class Wording:
    """Writes facts as the shop's text; nulls become empty fields."""

    customers: Customers
    products: Products

    def table(self, name: str, rows: Facts) -> pa.Table:
        """Write rows of a table as text columns, in the order of the raw format."""
        write: Callable[[Facts], Texts] = getattr(self, f"_{name}")
        texts = write(rows) | {"received_at": instant_text(rows["received_at"])}
        return pa.table({column: texts[column] for column, _ in COLUMNS[name]})

    @cached_property
    def _customer_ids(self) -> pa.Array:
        return numbered("U", np.arange(len(self.customers.debut_N)), 7)

    @cached_property
    def _product_ids(self) -> pa.Array:
        return numbered("P", np.arange(len(self.products.launch_P)), 6)

    def _customer(self, rows: Facts) -> pa.Array:
        return _taken(self._customer_ids, rows["customer"])

    def _product(self, rows: Facts) -> pa.Array:
        return _taken(self._product_ids, rows["product"])

    def _customers(self, rows: Facts) -> Texts:
        people, who = self.customers, rows["customer"]
        market = people.market_N[who]
        year = np.where(people.is_birth_year_given_N[who], people.birth_year_N[who], -1)
        group = np.where(people.is_group_given_N[who], people.group_N[who], -1)
        gender = np.where(people.is_gender_given_N[who], people.gender_N[who], -1)
        return {
            "customer_id": self._customer(rows),
            "signed_up_at": instant_text(rows["signed_up_at"]),
            "birth_year": _digits(year),
            "gender": _words(words.GENDERS, gender),
            "socio_professional_group": _words(words.GROUPS, group),
            "country": _words([m.country for m in words.MARKETS], market),
            "postal_code": _digits(people.postcode_N[who]),
            "language": _words([m.language for m in words.MARKETS], market),
            "timezone": _words([m.timezone for m in words.MARKETS], market),
        }

    def _contacts(self, rows: Facts) -> Texts:
        at = pa.scalar("@example.com")
        ids = self._customer(rows)
        address = pc.binary_join_element_wise(pc.utf8_lower(ids), at, "")
        return {"customer_id": ids, "email_address": address}

    def _consents(self, rows: Facts) -> Texts:
        stem = np.where(rows["is_withdrawn"], 2, rows["purpose"])
        ids = self._customer(rows)
        return {
            "consent_id": _joined(_words(("GE", "GP", "WE"), stem), ids),
            "customer_id": ids,
            "purpose": _words(PURPOSES, rows["purpose"]),
            "is_granted": _words(("no", "yes"), rows["is_granted"]),
            "changed_at": instant_text(rows["changed_at"]),
            "source": _words(("sign_up", "unsubscribe_link"), rows["is_withdrawn"]),
        }

    def _suppressions(self, rows: Facts) -> Texts:
        ids = self._customer(rows)
        return {
            "suppression_id": _joined(pa.scalar("X"), ids),
            "customer_id": ids,
            "email_address": _nothing(len(ids)),
            "reason": _same("unsubscribed", len(ids)),
            "suppressed_at": instant_text(rows["suppressed_at"]),
        }

    def _products(self, rows: Facts) -> Texts:
        made, which = self.products, rows["product"]
        brand, place = self._brand(which), made.department_P[which]
        style = _words(words.STYLES, made.style_P[which])
        kind = _words([d.sub_sector for d in _DEPARTMENTS], place)
        material = _words(words.MATERIALS, made.material_P[which])
        pattern = _words(words.PATTERNS, made.pattern_P[which])
        return {
            "product_id": self._product(rows),
            "name": _joined(brand, style, pattern, kind, between=" "),
            "description": _joined(style, kind, pa.scalar("made of"), material, between=" "),
            "brand": brand,
            **self._tree(which),
            "colour": _words(words.COLOURS, made.colour_P[which]),
            "audience": _words([d.audience for d in _DEPARTMENTS], place),
            "life_stage": _words([d.life_stage for d in _DEPARTMENTS], place),
            "unit_cost": _money(made.cost_cents_P[which]),
            "list_price": _money(made.list_cents_P[which]),
            "attributes": _joined(
                pa.scalar("article_type="), kind, pa.scalar("|material="), material,
                pa.scalar("|pattern="), pattern,
            ),
        }  # fmt: skip

    def _product_images(self, rows: Facts) -> Texts:
        raise AssertionError("the retailer has no images")

    def _campaigns(self, rows: Facts) -> Texts:
        which = rows["product"]
        return {
            "campaign_id": self._product(rows),
            "brand": self._brand(which),
            **self._tree(which),
            "country": _same(NO_COUNTRY, len(which)),
            "timezone": _same(words.HOME_ZONE, len(which)),
            "opens_at": instant_text(rows["opens_at"]),
            "closes_at": _nothing(len(which)),
        }

    def _campaign_products(self, rows: Facts) -> Texts:
        ids = self._product(rows)
        return {
            "campaign_id": ids,
            "product_id": ids,
            "price": _money(rows["cents"]),
            "initial_stock": _nothing(len(ids)),
        }

    def _orders(self, rows: Facts) -> Texts:
        product = self._product(rows)
        return {
            "order_id": _joined(_words(("O", "R"), rows["kind"]), _digits(rows["order"])),
            "line": _digits(rows["line"]),
            "customer_id": self._customer(rows),
            "product_id": product,
            "campaign_id": product,
            "quantity": _digits(rows["quantity"]),
            "unit_price": _money(rows["cents"]),
            "channel": _words(words.CHANNELS, rows["channel"]),
            "kind": _words(words.KINDS, rows["kind"]),
            "occurred_at": instant_text(rows["occurred_at"]),
        }

    def _events(self, rows: Facts) -> Texts:
        product = self._product(rows)
        return {
            "event_id": _joined(pa.scalar("E"), _digits(rows["event"])),
            "customer_id": self._customer(rows),
            "session_id": _joined(pa.scalar("S"), _digits(rows["session"])),
            "kind": _words(EVENT_KINDS, rows["kind"]),
            "campaign_id": product,
            "product_id": product,
            "position": _digits(rows["position"]),
            "device": _words(words.DEVICES, rows["device"]),
            "occurred_at": instant_text(rows["occurred_at"]),
        }

    def _stock_levels(self, rows: Facts) -> Texts:
        return {
            "product_id": self._product(rows),
            "location": _same("central", len(rows["product"])),
            "quantity": _digits(rows["quantity"]),
            "occurred_at": instant_text(rows["occurred_at"]),
        }

    def _email_events(self, rows: Facts) -> Texts:
        return {
            "message_id": _joined(pa.scalar("M"), _digits(rows["message"])),
            "customer_id": self._customer(rows),
            "kind": _words(MAIL_KINDS, rows["kind"]),
            "occurred_at": instant_text(rows["occurred_at"]),
        }

    def _brand(self, which: np.ndarray) -> pa.Array:
        sector = _SECTOR_G[self.products.department_P[which]]
        return _words(words.BRANDS, sector * words.BRANDS_PER_SECTOR + self.products.brand_P[which])

    def _tree(self, which: np.ndarray) -> Texts:
        place = self.products.department_P[which]
        return {
            "sector": _words([d.sector for d in _DEPARTMENTS], place),
            "sub_sector": _words([d.sub_sector for d in _DEPARTMENTS], place),
        }


def _taken(texts: pa.Array, place_L: np.ndarray) -> pa.Array:
    """Look places up; null below 0."""
    return texts.take(pa.array(place_L, pa.int64(), mask=place_L < 0))


def _words(vocabulary: Sequence[str], place_L: np.ndarray) -> pa.Array:
    return _taken(pa.array(vocabulary, pa.string()), place_L.astype(np.int64))


def _digits(number_L: np.ndarray) -> pa.Array:
    """Write whole numbers; null below 0."""
    return pa.array(number_L, mask=number_L < 0).cast(pa.string())


def _money(cents_L: np.ndarray) -> pa.Array:
    """Write amounts with two decimals, each that occurs once."""
    amounts, place_L = np.unique(cents_L, return_inverse=True)
    texts = [f"{c // 100}.{c % 100:02d}" for c in amounts.tolist()]
    return _words(texts, place_L)


def _joined(*parts: pa.Array | pa.Scalar, between: str = "") -> pa.Array:
    return pc.binary_join_element_wise(*parts, between)


def _same(word: str, count: int) -> pa.Array:
    return pa.repeat(word, count)


def _nothing(count: int) -> pa.Array:
    return pa.nulls(count, pa.string())
