"""What a letter is, by segment: which sources fill its seven places, and what it begins with.

The CRM manager's policy says which segment gets which strategy; here is what each means.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from email_lists.slates.assortment import NOWHERE
from email_lists.slates.candidates import Slot
from vitrine.list_policy import StrategyName

QUOTAS = (1, 3, 3)
"""Places of the three kinds that a slate has: `DRAWN` is filled before the others are looked at, so
that nothing else decides about it; of the others what is worth most goes first."""
FALLBACK = len(QUOTAS)
"""The kind that fills what stays empty."""
DRAWN, FIRST, SECOND = range(len(QUOTAS))


@dataclass(frozen=True)
class Strategy:
    """How one kind of letter is made."""

    places: Mapping[Slot, int]
    """Which kind of place a source's candidates compete for; a source without one is not used."""
    worth_weight: float | None = None
    """How much the worth of a sale counts beside its probability; None: as the policy says."""
    is_early: bool = False
    """Whether it begins with the campaigns that open within a day after it is sent."""


_POPULAR = {Slot.PINNED: FIRST, Slot.POPULAR: FALLBACK}
_SELECTION = _POPULAR | {Slot.TOGETHER: FIRST, Slot.SIMILAR: SECOND, Slot.NEW: DRAWN}
_WIN_BACK = _POPULAR | {Slot.LOVED: FIRST, Slot.SIMILAR: SECOND, Slot.NEW: DRAWN}

STRATEGIES: dict[StrategyName, Strategy] = {
    "popular": Strategy(_POPULAR),
    "selection": Strategy(_SELECTION),
    "early_access": Strategy(_SELECTION, is_early=True),
    "premium": Strategy(_SELECTION, worth_weight=1.0),
    "win_back": Strategy(_WIN_BACK),
}
"""popular: the popular of the cluster. selection: three products bought together with what was
bought, three similar ones, one from somewhere new. early_access: a selection after tomorrow's
campaigns. premium: a selection by what a sale is worth. win_back: three of the brands and kinds
that were loved, three similar, one new. Pins take the first places of each."""


@dataclass(frozen=True)
class Strategies:
    """The strategy of every customer. Shape legend: N customers, S strategies, C candidates."""

    names: tuple[StrategyName, ...]
    code_N: np.ndarray
    """int32 positions in `names`."""

    @classmethod
    def of(cls, words: list[str]) -> "Strategies":
        """Take one name per customer."""
        names = tuple(STRATEGIES)
        numbers: dict[str, int] = {name: n for n, name in enumerate(names)}
        return cls(names, np.array([numbers[word] for word in words], np.int32))

    def places_of(self, slot_C: np.ndarray) -> np.ndarray:
        """Return the kind of place that columns compete for: int8 [S, C], -1 for none."""
        place_SC = np.full((len(self.names), slot_C.size), NOWHERE, np.int8)
        for s, name in enumerate(self.names):
            for slot, place in STRATEGIES[name].places.items():
                place_SC[s, slot_C == slot] = place
        return place_SC

    def worth_weights(self, usual: float) -> np.ndarray:
        """Return how much worth counts, float64 [S]."""
        own = [STRATEGIES[name].worth_weight for name in self.names]
        return np.array([usual if weight is None else weight for weight in own])

    @property
    def is_early_N(self) -> np.ndarray:
        """Tell who has early access."""
        is_early_S = np.array([STRATEGIES[name].is_early for name in self.names])
        return is_early_S[self.code_N]
