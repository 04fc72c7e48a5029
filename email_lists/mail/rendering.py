"""One letter as its reader sees it: subject, responsive HTML and plain text, in one language.

What is said is worded here and in `email_lists.mail.texts`; the templates only lay it out. They run
in Jinja's sandbox on plain texts, numbers and lists. A shop's own templates, in `list_templates` in
the home folder, come before the ones in this package: `letter.html` and `letter.txt`, or, for one
language, `letter.fr.html` and `letter.fr.txt`.

No address is known here.
"""

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from babel import Locale
from jinja2.sandbox import ImmutableSandboxedEnvironment

from email_lists.mail.texts import bought_today, locale, moment, price, reason, subject, texts
from vitrine.errors import BadArgumentError
from vitrine.list_policy import Sender

TEMPLATES = Path(__file__).parent / "templates"
SUBJECT_LENGTH = 78
"""Characters: what RFC 5322 (2.1.1) recommends of a line, and more than most screens show."""
EARLY, SELECTION = "early_access", "selection"


@dataclass(frozen=True)
class Letter:
    """A rendered letter; `subject` is one line."""

    subject: str
    html: str
    text: str


def environment(own: Path | None = None) -> jinja2.Environment:
    """Return the sandbox that templates run in; `own` is the folder of a shop's own.

    A template cannot change what it is given, nor reach anything else; what it names and was not
    given is an error, and HTML is escaped.
    """
    folders = [TEMPLATES] if own is None else [own, TEMPLATES]
    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=lambda name: name is None or not name.endswith(".txt"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def fingerprint(own: Path) -> str:
    """Return the SHA-256 of the shop's own templates, and of what they may include."""
    whole = hashlib.sha256()
    for file in sorted(file for file in own.rglob("*") if file.is_file()):
        whole.update(json.dumps([file.relative_to(own).as_posix()]).encode() + file.read_bytes())
    return whole.hexdigest()


class Renderer:
    """Renders the letters of one list.

    Parameters
    ----------
    sender
        Whose letters they are, and where their links lead.
    currency
        ISO 4217 code of the prices.
    own
        Folder of the shop's own templates, if any.
    """

    def __init__(self, sender: Sender, currency: str, own: Path | None = None) -> None:
        self._sender = sender
        self._currency = currency
        self._environment = environment(own)

    def letter(self, person: Mapping[str, Any], pictures: Mapping[str, str]) -> Letter:
        """Render one row of a list.

        Parameters
        ----------
        person
            The row, campaigns and products nested; an address in it is not looked at.
        pictures
            Address of the photograph by product id; a product without one has no picture.

        Raises
        ------
        BadArgumentError
            If a template cannot be rendered; the message names its file.
        """
        said = self._said(_clean(person), pictures)
        rendered = {kind: self._rendered(kind, said) for kind in ("html", "txt")}
        return Letter(said["subject"], rendered["html"], rendered["txt"])

    def _rendered(self, kind: str, said: Mapping[str, Any]) -> str:
        names = [f"letter.{said['language']}.{kind}", f"letter.{kind}"]
        try:
            return self._environment.select_template(names).render(said)
        except jinja2.TemplateSyntaxError as error:
            place = f"{error.filename}, line {error.lineno}"
            raise BadArgumentError(f"the template {place}: {error.message}") from None
        # Whatever Python refuses, a shop's own template may ask for.
        except Exception as error:
            raise BadArgumentError(f"the template {' or '.join(names)}: {error}") from error

    def _said(self, person: Mapping[str, Any], pictures: Mapping[str, str]) -> dict[str, Any]:
        """Word everything that a letter says; see `docs/letters.md` for what templates get."""
        language, strategy = person["language"], _spoken(person)
        where, wording = locale(language, person["country"]), texts(language)
        named = Counter(campaign["name"] for campaign in person["campaigns"])
        campaigns = [
            self._campaign(person, campaign, where, is_alone=named[campaign["name"]] == 1)
            for campaign in person["campaigns"]
        ]
        products = [
            self._product(person, product, pictures, where) for product in person["products"]
        ]
        is_early = strategy == EARLY
        shown = [*campaigns, *products] if is_early else [*products, *campaigns]
        first = shown[0]["brand"] if shown else None
        return {
            "language": where.language,
            "sender": self._sender.name,
            "strategy": strategy,
            "subject": _shortened(subject(language, strategy, first)),
            "title": wording[f"{strategy}_title"],
            "intro": wording[f"{strategy}_intro"],
            "campaigns_title": wording["campaigns"],
            "campaigns": campaigns,
            "products_title": wording["products"],
            "products": products,
            "campaigns_first": is_early,
            "consent": wording["consent"] if person["consent_id"] else "",
            "imprint": self._sender.imprint,
            "unsubscribe": wording["unsubscribe"],
            "unsubscribe_link": self._sender.link(
                "unsubscribe_url", message_id=person["message_id"]
            ),
        }

    def _campaign(
        self,
        person: Mapping[str, Any],
        campaign: Mapping[str, Any],
        where: Locale,
        *,
        is_alone: bool,
    ) -> dict[str, Any]:
        """Word a campaign; where another bears its name, its sector tells them apart."""
        name = campaign["name"]
        return {
            "name": name if is_alone else f"{name}, {campaign['sector']}",
            "brand": campaign["brand"],
            "when": _when(person, campaign, where),
            "reason": reason(person["language"], campaign),
            "link": self._sender.link(
                "campaign_url",
                campaign_id=campaign["campaign_id"],
                message_id=person["message_id"],
            ),
        }

    def _product(
        self,
        person: Mapping[str, Any],
        product: Mapping[str, Any],
        pictures: Mapping[str, str],
        where: Locale,
    ) -> dict[str, Any]:
        bought = product["bought_today_count"]
        return {
            "name": product["name"],
            "brand": product["brand"],
            "price": price(product["price"], self._currency, where),
            "reason": reason(person["language"], product),
            "bought_today": bought_today(person["language"], bought, where) if bought else "",
            "picture": pictures.get(product["product_id"], ""),
            "link": self._sender.link(
                "product_url",
                campaign_id=product["campaign_id"],
                product_id=product["product_id"],
                message_id=person["message_id"],
            ),
        }


def _spoken(person: Mapping[str, Any]) -> str:
    """Return the strategy that the words are of: early access only where something is early."""
    is_early = any(campaign["opens_at"] > person["send_at"] for campaign in person["campaigns"])
    strategy: str = person["strategy"]
    return SELECTION if strategy == EARLY and not is_early else strategy


def _when(person: Mapping[str, Any], campaign: Mapping[str, Any], where: Locale) -> str:
    """Say until when a campaign is open, or from when on; nothing of one that never ends."""
    wording = texts(person["language"])
    if campaign["opens_at"] > person["send_at"]:
        return moment(wording["opens"], campaign["opens_at"], person["timezone"], where)
    if campaign["closes_at"] is None:
        return ""
    return moment(wording["until"], campaign["closes_at"], person["timezone"], where)


def _clean(value: Any) -> Any:
    """Return the same with every text on one line, without characters that cannot be seen.

    A name may break no line of a plain text or header, nor turn the text around it.
    """
    if isinstance(value, Mapping):
        return {name: _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return one_line(value) if isinstance(value, str) else value


def one_line(text: str) -> str:
    r"""Replace runs of spaces and line breaks by one space and drop invisible characters.

    >>> one_line("Red\r\nBcc: mug\u202e")
    'Red Bcc: mug'
    """
    words = " ".join(text.split())
    if words.isprintable():
        return words
    return "".join(
        c for c in words if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def _shortened(text: str) -> str:
    """Cut a text between words, or in a word that is too long, to what a subject may have."""
    if len(text) <= SUBJECT_LENGTH:
        return text
    cut = text[: SUBJECT_LENGTH - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[SUBJECT_LENGTH // 2 :] else cut) + "…"
