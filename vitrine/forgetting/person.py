"""What identifies one person: the id, the addresses, and the ids of what that person did."""

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from vitrine.publish import atomic_file

CUSTOMER, ADDRESS = "customer_id", "email_address"
KINDS = (
    "order_id",
    "session_id",
    "event_id",
    "message_id",
    "consent_id",
    "suppression_id",
    ADDRESS,
)
"""Columns whose values belong to one person; beside a customer's id they add nothing."""
REPLACEMENT = "(erased)"
"""What stands in a text instead: to YAML and CSV a plain text too."""
_LEAST_WORD = 5
"""A shorter id, or one of digits alone, may stand for other things in a text too."""
_LEAST_MESSAGE = 16
_NONE: frozenset[str] = frozenset()
_RUN = re.compile(r"[^\W_]+")
_IN_ADDRESS = (".", "+", "_", "-")


@dataclass(frozen=True)
class Person:
    """One customer's id and, per kind in `KINDS`, the ids and addresses that are theirs alone."""

    customer_id: str
    ids: dict[str, frozenset[str]] = field(default_factory=dict)
    shared_addresses: frozenset[str] = frozenset()
    """Addresses that another customer gave too: they stay, as that customer's."""
    guest_ids: frozenset[str] = frozenset()
    """Those of the ids by which a row without a customer is theirs."""

    @cached_property
    def sets(self) -> dict[str, pa.Array]:
        """The ids of each kind as Arrow arrays, in order."""
        return {kind: pa.array(sorted(self.ids.get(kind, _NONE)), pa.string()) for kind in KINDS}

    @cached_property
    def names_given(self) -> tuple[str, ...]:
        """The addresses, and the id unless it is too plain a word; also as pages write them.

        A plain id, such as the number 17850, is looked for after the word customer alone.
        """
        addresses = sorted(self.ids.get(ADDRESS, _NONE))
        given = (*([self.customer_id] if self.is_distinctive else []), *addresses)
        return tuple(dict.fromkeys(each for word in given for each in (word, _in_html(word))))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What no text may hold any more: the above, and ids of messages, which links carry."""
        messages = (i for i in self.ids.get("message_id", _NONE) if len(i) >= _LEAST_MESSAGE)
        return (*self.names_given, *sorted(messages))

    @cached_property
    def is_distinctive(self) -> bool:
        """Whether the id cannot be taken for a number or another word."""
        plain = self.customer_id.isdigit() or len(self.customer_id) < _LEAST_WORD
        return not plain and _RUN.search(self.customer_id) is not None

    @cached_property
    def runs(self) -> dict[str, list[tuple[int, int]]]:
        """The words' first runs, in small letters: where in a word it begins, how long that is.

        What a text may hold is looked up by its runs: thousands of words take no longer than one.
        A word of signs alone is looked for nowhere.
        """
        found: dict[str, set[tuple[int, int]]] = defaultdict(set)
        for word in self.words:
            if run := _RUN.search(word):
                found[run[0].lower()].add((run.start(), len(word)))
        return {run: sorted(places, key=lambda p: -p[1]) for run, places in found.items()}

    @cached_property
    def run_set(self) -> pa.Array:
        """These runs, and that of a plain id, as an Arrow array."""
        return pa.array(sorted({*self.runs, *_RUN.findall(self.customer_id.lower())}), pa.string())

    @cached_property
    def between_runs(self) -> str:
        """What parts a text's runs, as RE2 writes it; words of ASCII allow the faster way."""
        is_ascii = all(word.isascii() for word in (self.customer_id, *self.words))
        return "[^0-9A-Za-z]+" if is_ascii else r"[^\pL\pN]+"

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(word.lower() for word in self.words)

    @cached_property
    def _after_customer(self) -> re.Pattern[str]:
        plain = re.escape(self.customer_id)
        before = "customer(?:[ =:/]['\"]?|_id[=:\"'][ \"':]*)"
        return re.compile(f"({before}){plain}(?![^\\W_])", re.IGNORECASE)

    def names(self, text: str) -> bool:
        """Say whether a text names the person, however it is capitalised.

        A word counts where it is no part of another: Mariella does not name the customer `marie`.
        """
        if not self.is_distinctive and self._after_customer.search(text):
            return True
        runs = map(str.lower, _RUN.findall(text))
        return not self.runs.keys().isdisjoint(runs) and any(self._places(text))

    def redacted(self, text: str) -> str:
        """Return a text without the person."""
        parts, end = [], 0
        for start, stop in self._places(text):
            parts += [text[end:start], REPLACEMENT]
            end = stop
        cleaned = "".join([*parts, text[end:]])
        if self.is_distinctive:
            return cleaned
        return self._after_customer.sub(rf"\1{REPLACEMENT}", cleaned)

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of each word of the person's in a text; none lies in another."""
        end = 0
        for run in _RUN.finditer(text):
            for offset, length in self.runs.get(run[0].lower(), ()):
                start = run.start() - offset
                word = text[start : start + length].lower() if start >= end else ""
                if word in self._folded and _is_alone(text, start, start + length):
                    end = start + length
                    yield start, end
                    break

    def count(self) -> dict[str, int]:
        """Count the ids of each kind."""
        return {kind: len(ids) for kind, ids in sorted(self.ids.items())}

    def store(self, file: Path) -> None:
        """Keep the ids where only this user may read them, until the erasure is completed."""
        ids = {kind: sorted(values) for kind, values in self.ids.items()}
        with atomic_file(file) as path:
            path.touch(0o600)
            told = (self.customer_id, ids, sorted(self.shared_addresses), sorted(self.guest_ids))
            path.write_text(json.dumps(told) + "\n")

    @classmethod
    def load(cls, file: Path) -> "Person":
        """Read what `store` wrote."""
        customer_id, ids, shared, guest = json.loads(file.read_text())
        sets = {kind: frozenset(values) for kind, values in ids.items()}
        return cls(customer_id, sets, frozenset(shared), frozenset(guest))

    def joined(self, other: "Person") -> "Person":
        """Return the person with the ids of both."""
        ids = {kind: self.ids.get(kind, _NONE) | other.ids.get(kind, _NONE) for kind in KINDS}
        return Person(
            self.customer_id,
            ids,
            self.shared_addresses | other.shared_addresses,
            self.guest_ids | other.guest_ids,
        )


def _in_html(word: str) -> str:
    """Write a word as Jinja escapes it."""
    return html.escape(word, quote=False).replace("'", "&#39;").replace('"', "&#34;")


def _is_alone(text: str, start: int, end: int) -> bool:
    """Say whether a word is neither the end nor the beginning of another word or address."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    is_joined = before.isalnum() or ("@" in text[start:end] and before in _IN_ADDRESS)
    return not is_joined and not after.isalnum()
