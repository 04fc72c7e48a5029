"""The shop behind a landing folder: founded by the first call, continued by the later ones."""

from dataclasses import replace
from pathlib import Path

from vitrine.errors import BadArgumentError
from vitrine.interval import Interval, format_instant, midnight
from vitrine.simulator.shop import DEFAULT_CUSTOMERS, Shop, load_shop, shop_file, store_shop


def found(
    landing: Path,
    interval: Interval,
    seed: int,
    customers: int | None,
    *,
    is_mailed_by_lists: bool = False,
) -> Shop:
    """Return the shop that writes to `landing`; the first call founds it on the interval's day.

    The first call that says so lets published lists be the shop's mail, from its interval on.

    Raises
    ------
    BadArgumentError
        If the shop exists with another seed or size, or was founded after the interval's start. If
        lists take over within a day.
    """
    shop = load_shop(landing)
    if shop is None:
        shop = Shop.of_size(seed, customers or DEFAULT_CUSTOMERS, interval.start.date())
        if interval.start != midnight(shop.founded_on):
            raise BadArgumentError(
                f"a new shop's first interval starts at a UTC midnight,"
                f" not at {format_instant(interval.start)}"
            )
        store_shop(landing, shop)
    _refuse_another(shop, landing, interval, seed, customers)
    if is_mailed_by_lists and shop.lists_since is None:
        shop = _mailed_by_lists(shop, interval)
        store_shop(landing, shop)
    return shop


def _mailed_by_lists(shop: Shop, interval: Interval) -> Shop:
    if interval.start != midnight(interval.start.date()):
        raise BadArgumentError(
            "lists become the shop's mail at a UTC midnight, before its newsletter is sent, not at"
            f" {format_instant(interval.start)}"
        )
    return replace(shop, lists_since=interval.start.date())


def _refuse_another(
    shop: Shop, landing: Path, interval: Interval, seed: int, customers: int | None
) -> None:
    file = shop_file(landing)
    if customers not in (None, shop.customer_count):
        raise BadArgumentError(
            f"{file} is a shop of {shop.customer_count} customers, not {customers};"
            " leave --customers away, or simulate into an empty landing folder"
        )
    if seed != shop.seed:
        raise BadArgumentError(
            f"{file} is a shop of seed {shop.seed}, not {seed};"
            " set VITRINE_SEED to it, or simulate into an empty landing folder"
        )
    if interval.start < midnight(shop.founded_on):
        raise BadArgumentError(
            f"the shop in {file} was founded on {shop.founded_on};"
            f" {format_instant(interval.start)} lies before that"
        )
