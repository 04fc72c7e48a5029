"""What identifies one person: the id, the addresses, and the ids of what that person did."""

import json
import re
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
REPLACEMENT = "[erased]"
_LEAST_WORD = 5
"""A shorter id, or one of digits alone, may stand for other things in a text too."""
_LEAST_MESSAGE = 16
_NONE: frozenset[str] = frozenset()


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
        """The addresses, and the id unless it is too plain a word.

        A plain id, such as the number 17850, is looked for after the word customer alone.
        """
        addresses = sorted(self.ids.get(ADDRESS, _NONE))
        return (*([self.customer_id] if self.is_distinctive else []), *addresses)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What no text may hold any more: the above, and ids of messages, which links carry."""
        messages = (i for i in self.ids.get("message_id", _NONE) if len(i) >= _LEAST_MESSAGE)
        return (*self.names_given, *sorted(messages))

    @property
    def is_distinctive(self) -> bool:
        """Whether the id cannot be taken for a number or another word."""
        plain = self.customer_id.isdigit() or len(self.customer_id) < _LEAST_WORD
        return not plain

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Find the person in a text, however it is capitalised."""
        parts = [_alone(word) for word in self.words]
        if not self.is_distinctive:
            plain = re.escape(self.customer_id)
            parts.append(f"(?<=customer[ =:/])['\"]?{plain}(?![0-9A-Za-z])")
            parts.append(f"(?<=customer_id[=:\"'])[ \"':]*{plain}(?![0-9A-Za-z])")
        return re.compile("|".join(parts), re.IGNORECASE)

    def names(self, text: str) -> bool:
        """Say whether a text names the person."""
        return bool(self.pattern.pattern) and self.pattern.search(text) is not None

    def redacted(self, text: str) -> str:
        """Return a text without the person."""
        return self.pattern.sub(REPLACEMENT, text)

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


def _alone(word: str) -> str:
    """Match a word that is not the end or the beginning of another id or address."""
    before = "[0-9A-Za-z.+_-]" if "@" in word else "[0-9A-Za-z]"
    return f"(?<!{before}){re.escape(word)}(?![0-9A-Za-z])"
