"""The shop behind a landing folder: founded by the first call, continued by the later ones."""

from dataclasses import replace
from pathlib import Path

from vitrine import letters
from vitrine.errors import BadArgumentError
from vitrine.interval import Interval, format_instant, midnight
from vitrine.simulator.letters import Letterbox
from vitrine.simulator.population import make_population
from vitrine.simulator.shop import DEFAULT_CUSTOMERS, Shop, load_shop, store_shop


def found(
    landing: Path,
    interval: Interval,
    seed: int,
    customers: int | None,
    lists: Path | None = None,
) -> Shop:
    """Return the shop that writes to `landing`; the first call founds it on the interval's day.

    The first call that names the folder of published `lists` (`Paths.lists`) lets them be the
    shop's mail, from its interval on. What is refused is not kept.

    Raises
    ------
    BadArgumentError
        If the shop exists with another seed or size, or was founded after the interval's start. If
        lists take over within a day.
    BadInputError
        If the shop's file cannot be understood, or lists that take over name others' customers.
    """
    known = load_shop(landing)
    shop = known or _new(interval, seed, customers or DEFAULT_CUSTOMERS)
    shop.refuse_another(landing, interval, seed, customers)
    if lists is not None and shop.lists_since is None:
        shop = _mailed_by_lists(shop, interval, lists)
    if shop != known:
        store_shop(landing, shop)
    return shop


def _new(interval: Interval, seed: int, customers: int) -> Shop:
    shop = Shop.of_size(seed, customers, interval.start.date())
    if interval.start != midnight(shop.founded_on):
        raise BadArgumentError(
            f"a new shop's first interval starts at a UTC midnight,"
            f" not at {format_instant(interval.start)}"
        )
    return shop


def _mailed_by_lists(shop: Shop, interval: Interval, lists: Path) -> Shop:
    since = interval.start.date()
    if interval.start != midnight(since):
        raise BadArgumentError(
            "lists become the shop's mail at a UTC midnight, before its newsletter is sent, not at"
            f" {format_instant(interval.start)}"
        )
    # What can be refused is refused here: once it is stored, no command takes it back.
    Letterbox(letters.read(lists, since), make_population(shop))
    return replace(shop, lists_since=since)
