"""The CRM manager's rules for the e-mail lists, and what holds where they say nothing.

Stages meet in them: lists are made by them, the gate checks them by these. `vitrine lists policy`
prints what holds; `vitrine.list_policy_file` reads the file that they stand in.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from vitrine.errors import BadArgumentError
from vitrine.letters import HOLD_OUT

SegmentName = Literal["prospect", "new", "loyal", "top", "inactive"]
"""As the feature `customer_segments` names them."""
StrategyName = Literal["popular", "selection", "early_access", "premium", "win_back"]
"""What a letter is, and the type that caps speak of. See `email_lists.slates.strategies`."""
SEGMENTS: tuple[SegmentName, ...] = get_args(SegmentName)
STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
DEFAULT_LIST = "daily"
LIST_NAME = r"^[a-z][a-z0-9_]*$"
COUNTRY = r"^[A-Za-z]{2}$"
DOMAIN = r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
Share = Annotated[float, Field(ge=0, le=1)]
Country = Annotated[str, StringConstraints(to_upper=True, pattern=COUNTRY)]
Domain = Annotated[str, StringConstraints(to_lower=True, pattern=DOMAIN)]


class _Rules(BaseModel):
    """What every part has in common: it cannot be changed, and knows no other names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _yes_is_no_number(cls, given: Any, info: ValidationInfo) -> Any:
        # To Python true is the number 1.
        is_asked = cls.model_fields[str(info.field_name)].annotation is bool
        if isinstance(given, bool) and not is_asked:
            raise ValueError(
                f"{'yes' if given else 'no'}, or {str(given).lower()}, says nothing here"
            )
        return given


class Cap(_Rules):
    """How many letters a customer may get; both count by the customer's own calendar days."""

    per_day: int | None = Field(
        default=None, ge=0, description="In one local day; null: any number."
    )
    per_week: int | None = Field(
        default=None, ge=0, description="In any seven local days in a row; null: any number."
    )


class Caps(Cap):
    """The caps of all letters together, and of single strategies."""

    per_day: int | None = Field(default=1, ge=0, description="In one local day; null: any number.")
    per_week: int | None = Field(
        default=7, ge=0, description="In any seven local days in a row; null: any number."
    )
    by_strategy: dict[StrategyName, Cap] = Field(
        default={"win_back": Cap(per_week=1)},
        description="Further caps of letters of one strategy.",
    )


class SendTimes(_Rules):
    """When a customer is written to, by the customer's own clock."""

    default: time = Field(default=time(7, 30), description="Where too few opens tell an hour.")
    is_personal: bool = Field(
        default=True,
        description="Whether a customer who opens at one hour is written to at that hour.",
    )
    least_opens: int = Field(default=3, ge=1, description="Opened e-mails that tell an hour.")
    quiet_from: time = Field(default=time(21), description="Nobody is written to from then on,")
    quiet_until: time = Field(
        default=time(7), description="until then; the same time as above: no hour is quiet."
    )

    @field_validator("default", "quiet_from", "quiet_until", mode="before")
    @classmethod
    def _is_no_number(cls, given: Any) -> Any:
        # To YAML 21:00 without quotes is the number 1260.
        if isinstance(given, int | float):
            raise ValueError("write a time of day in quotes, such as '21:00'")
        return given

    @field_validator("default", "quiet_from", "quiet_until")
    @classmethod
    def _is_of_no_zone(cls, at: time) -> time:
        if at.tzinfo is not None:
            raise ValueError(f"write {at:%H:%M} alone: it is by each customer's own clock")
        return at

    @model_validator(mode="after")
    def _default_is_not_quiet(self) -> Self:
        if self.is_quiet(self.default):
            raise ValueError(f"the default {self.default:%H:%M} lies in the quiet hours")
        return self

    def is_quiet(self, at: time) -> bool:
        """Tell whether nobody is written to at a time of day; the hours may span midnight.

        >>> [SendTimes().is_quiet(time(hour)) for hour in (6, 7, 20, 21)]
        [True, False, False, True]
        """
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until


class Suppress(_Rules):
    """Who is never written to, beside the shop's own suppressions."""

    customers: tuple[str, ...] = Field(default=(), description="Ids of customers.")
    domains: tuple[Domain, ...] = Field(
        default=(), description="Domains of addresses, such as example.com, and all under them."
    )
    countries: tuple[Country, ...] = Field(
        default=(), description="ISO 3166-1 alpha-2 codes, such as FR."
    )
    minimum_age: int | None = Field(
        default=16, ge=0, description="In years, where the birth year is known; null: any age."
    )

    @field_validator("countries", mode="before")
    @classmethod
    def _is_no_truth(cls, given: Any) -> Any:
        # To YAML the NO of Norway is the opposite of yes.
        if isinstance(given, list | tuple) and any(code is False for code in given):
            raise ValueError("write a country in quotes, such as 'NO'")
        return given


class Arm(_Rules):
    """One arm of a list's experiment: its share of the customers and what is different in it."""

    share: Share = Field(description="Of the customers whom the list writes to.")
    strategies: dict[SegmentName, StrategyName] = Field(
        default={}, description="Strategies that differ from the list's own."
    )


class ListRules(_Rules):
    """One list: who gets what."""

    strategies: dict[SegmentName, StrategyName] = Field(
        default={
            "prospect": "popular",
            "new": "selection",
            "loyal": "early_access",
            "top": "premium",
            "inactive": "win_back",
        },
        description="The strategy of each segment; a segment without one is not written to.",
    )
    experiment: str = Field(
        default="none",
        description="Name of the running experiment; another name draws the arms anew.",
    )
    arms: dict[str, Arm] = Field(
        default={"standard": Arm(share=1.0)},
        description="The experiment's arms; their shares add to 1.",
    )

    @field_validator("arms")
    @classmethod
    def _no_arm_is_the_control(cls, arms: dict[str, Arm]) -> dict[str, Arm]:
        if HOLD_OUT in arms:
            raise ValueError(f"{HOLD_OUT} is the control, whom nobody writes to: name it otherwise")
        return arms

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        if abs(sum(arm.share for arm in self.arms.values()) - 1) > 1e-9:
            total = sum(arm.share for arm in self.arms.values())
            raise ValueError(f"the shares of its arms do not add to 1 but to {total:g}")
        return self


class Holdout(_Rules):
    """The global control: customers whom no list writes to, so that lists can be judged."""

    share: Share = Field(default=0.05, description="Of all customers; 0: nobody is held out.")
    name: str = Field(default="control", description="Another name draws other customers.")


class Override(_Rules):
    """A pin or a ban of one brand, product or campaign, as somebody decided and another reviewed.

    A pinned product or campaign goes first for whoever may be shown it; of a pinned brand, the best
    that the customer may be shown. What is banned is shown to nobody.
    """

    action: Literal["pin", "ban"] = Field(description="Show it first, or to nobody.")
    brand: str | None = Field(default=None, description="Its name; one of these three is given.")
    product: str | None = Field(default=None, description="Its id.")
    campaign: str | None = Field(default=None, description="Its id.")
    because: str = Field(min_length=1, description="Why, for whoever reads it later.")
    decided_by: str = Field(min_length=1, description="Who wants it.")
    reviewed_by: str = Field(min_length=1, description="Who else has looked at it.")
    until: date | None = Field(default=None, description="The last night that it holds for.")

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        if sum(of is not None for of in (self.brand, self.product, self.campaign)) != 1:
            raise ValueError("name a brand, a product or a campaign, and no second of them")
        if self.decided_by.strip().casefold() == self.reviewed_by.strip().casefold():
            raise ValueError(f"{self.decided_by!r} cannot review what the same person decided")
        return self

    @property
    def meant(self) -> tuple[str, str]:
        """What is pinned or banned: brand, product or campaign, and its name or id."""
        given = {"brand": self.brand, "product": self.product, "campaign": self.campaign}
        [meant] = [(kind, name) for kind, name in given.items() if name is not None]
        return meant

    @property
    def entry(self) -> str:
        """The whole in a few words, such as `ban brand Corette`."""
        return " ".join((self.action, *self.meant))


class Allocation(_Rules):
    """How far limited stock is promised."""

    stock_factor: float = Field(
        default=1.0, gt=0, description="Expected demand stays within the stock times this."
    )
    worth_weight: Share = Field(
        default=0.5,
        description="How much what a sale is worth counts beside its chance; 0: not at all.",
    )


class Exploration(_Rules):
    """How the one place from somewhere new is drawn."""

    temperature: float = Field(
        default=0.1,
        ge=0,
        description="Of the softmax over what may be learnt from each candidate; 0: the best one.",
    )


class GateLimits(_Rules):
    """Beyond these a list is withheld."""

    size_change: float = Field(
        default=0.3,
        gt=0,
        description="Change of size since the last published list, as each was built; and letters"
        " lost at the hand-off. 1.5: 150 % more. From 1 on no loss is too much.",
    )
    campaign_share: Share = Field(default=0.8, description="Letters that one campaign is first in.")
    empty_share: Share = Field(default=0.2, description="Places of the slates that stayed empty.")
    features_age_hours: float = Field(
        default=24,
        gt=0,
        description="Age of the newest data at the run. A shop that delivers nothing on some days"
        " needs more: 36 lets one day go missing.",
    )


_PLACES = {
    "unsubscribe_url": {"message_id"},
    "campaign_url": {"campaign_id", "message_id"},
    "product_url": {"campaign_id", "product_id", "message_id"},
    "picture_url": {"path"},
}


def _check_link(name: str, address: str, places: set[str]) -> None:
    if name == "picture_url" and not address:
        return
    filled = _filled(address, dict.fromkeys(places, "x"))
    if "{" in filled or "}" in filled:
        known = ", ".join(f"{{{place}}}" for place in sorted(places))
        raise ValueError(f"{name}: of what stands in braces, {known} alone is replaced")
    if not filled.startswith(("https://", "http://")) or " " in filled or not filled.isprintable():
        raise ValueError(f"{name}: {address!r} is no address that begins with https://")
    if name == "unsubscribe_url" and "{message_id}" not in address:
        raise ValueError(f"{name}: without {{message_id}} nobody knows who unsubscribes")


def _filled(address: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda place: values.get(place[1], place[0]), address)


class Sender(_Rules):
    """Who writes, where the letters' links lead, and where one unsubscribes (RFC 2369, 8058)."""

    name: str = Field(default="Vitrine", description="Of the sender, as readers see it.")
    address: str = Field(default="lists@shop.example", description="That letters come from.")
    imprint: str = Field(
        default="",
        description="Who answers for the letters, and where they live, as many countries' laws ask:"
        " the last line of each; empty: no such line.",
    )
    unsubscribe_url: str = Field(
        default="https://shop.example/unsubscribe?message={message_id}",
        description="Taken one click by POST; {message_id} is replaced.",
    )
    unsubscribe_address: str = Field(
        default="unsubscribe@shop.example", description="Where one unsubscribes by e-mail."
    )
    campaign_url: str = Field(
        default="https://shop.example/campaigns/{campaign_id}?message={message_id}",
        description="A campaign's page; {campaign_id} and {message_id} are replaced.",
    )
    product_url: str = Field(
        default="https://shop.example/campaigns/{campaign_id}/{product_id}?message={message_id}",
        description="A product's page; as above, and {product_id}.",
    )
    picture_url: str = Field(
        default="",
        description="Where {path}, a photograph's file in the landing folder, lies for everyone;"
        " empty: delivered letters carry their pictures.",
    )

    @model_validator(mode="after")
    def _can_be_followed(self) -> Self:
        for name, places in _PLACES.items():
            _check_link(name, getattr(self, name), places)
        return self

    @field_validator("name", "address", "imprint", "unsubscribe_address")
    @classmethod
    def _is_one_line(cls, text: str) -> str:
        if not text.isprintable():
            raise ValueError("has a line break or another character that cannot be printed")
        return text

    @field_validator("address", "unsubscribe_address")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", text):
            raise ValueError(f"{text!r} is no e-mail address")
        return text

    def link(self, name: str, **ids: str) -> str:
        """Fill one of the addresses above; ids are quoted, so they cannot lead elsewhere.

        >>> Sender().link("unsubscribe_url", message_id="5e/..")
        'https://shop.example/unsubscribe?message=5e%2F..'
        """
        kept = "/" if name == "picture_url" else ""
        address: str = getattr(self, name)
        return _filled(address, {of: quote(value, kept) for of, value in ids.items()})


class Delivery(_Rules):
    """The mail server that letters are handed to, if any."""

    host: str = Field(default="", description="Empty: nothing is delivered, the export is the end.")
    port: int = Field(default=1025, gt=0, lt=65536, description="Of that server.")
    messages_per_second: float = Field(
        default=50, gt=0, description="As many letters are handed over at most."
    )
    late_hours: float = Field(
        default=3, gt=0, description="A letter that is later than this is not delivered any more."
    )


class ListPolicy(_Rules):
    """All of it."""

    lists: dict[Annotated[str, Field(pattern=LIST_NAME)], ListRules] = Field(
        default={DEFAULT_LIST: ListRules()},
        min_length=1,
        description="The lists, by name: small letters, digits and _.",
    )
    caps: Caps = Caps()
    send_times: SendTimes = SendTimes()
    suppress: Suppress = Suppress()
    holdout: Holdout = Holdout()
    overrides: tuple[Override, ...] = Field(default=(), description="Pins and bans.")
    allocation: Allocation = Allocation()
    exploration: Exploration = Exploration()
    gate: GateLimits = GateLimits()
    sender: Sender = Sender()
    delivery: Delivery = Delivery()

    @model_validator(mode="after")
    def _decides_once(self) -> Self:
        decided: dict[tuple[str, str], str] = {}
        for override in self.overrides:
            if decided.setdefault(override.meant, override.action) != override.action:
                raise ValueError(f"{override.meant[1]!r} is both pinned and banned")
        return self

    @property
    def version(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of all rules that lists are made by.

        How letters are delivered is not one: it may change for lists that are published.
        """
        rules = self.model_dump_json(exclude={"delivery"})
        return hashlib.sha256(rules.encode()).hexdigest()[:12]

    def list_named(self, name: str) -> ListRules:
        """Return one list's rules.

        Raises
        ------
        BadArgumentError
            If there is no list of that name.
        """
        if name not in self.lists:
            raise BadArgumentError(
                f"the policy has no list {name!r}; its lists: {', '.join(sorted(self.lists))}"
            )
        return self.lists[name]

    def overrides_on(self, night: date) -> tuple[Override, ...]:
        """Return the pins and bans that hold for a night."""
        return tuple(o for o in self.overrides if o.until is None or night <= o.until)


def local_day(instant: datetime, timezone: str) -> date:
    """Return the calendar day that an instant falls on by a zone's clock.

    >>> from vitrine.interval import parse_instant
    >>> local_day(parse_instant("2026-03-29T22:30:00Z"), "Europe/Paris").isoformat()
    '2026-03-30'
    """
    return instant.astimezone(ZoneInfo(timezone)).date()
