"""All models that are compared, each as one function from what was known to a scorer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from training.evaluation import learnt, oracle
from training.evaluation.baselines import Popularity, Repurchase
from training.peers.articles import article_source
from training.peers.behaviour_groups import BehaviourGroups
from training.peers.category_lstm import CategoryLstm
from training.peers.dynamic_lstm import DynamicLstm
from training.peers.ease import Ease
from training.peers.fashion_dna import FashionDna
from training.peers.history import History
from training.peers.implicit_models import Als, Bpr, ItemKnn
from training.peers.mlp_baskets import MlpBaskets
from training.peers.two_tower import TwoTower
from training.ranker.features import FeatureReader
from training.ranker.ranking import Scorer
from training.sequence import views
from training.sequence.fitting import SequenceConfig
from vitrine import embeddings
from vitrine.paths import Paths

Made = TypeVar("Made")


@dataclass(frozen=True)
class Known:
    """What a model may learn from: everything that was received before `as_of`."""

    reader: FeatureReader
    as_of: datetime
    history: History
    seed: int
    device: str = "cpu"

    @classmethod
    def at(cls, reader: FeatureReader, as_of: datetime, seed: int, device: str = "cpu") -> "Known":
        """Read the purchases once for all peers."""
        return cls(reader, as_of, reader.history(as_of), seed, device)

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    def once(self, name: str, make: Callable[[], Made]) -> Made:
        """Return what several models need, made by the first that asks."""
        if name not in self._made:
            self._made[name] = make()
        found: Made = self._made[name]
        return found


Fitter = Callable[[Known], Scorer]


def _popularity(days: int) -> Fitter:
    return lambda known: Popularity(known.reader.connection, days=days)


def _two_tower(hidden: int = 0, diversity: float = 0.0) -> Fitter:
    def fitter(known: Known) -> Scorer:
        peer = TwoTower(hidden=hidden, diversity=diversity, seed=known.seed)
        return peer.fit(known.history, article_source(known.reader))

    return fitter


def _mlp_baskets(*hidden: int) -> Fitter:
    return lambda known: MlpBaskets(hidden=hidden, seed=known.seed).fit(known.history)


def _fashion_dna(known: Known) -> Scorer:
    return FashionDna(seed=known.seed).fit(known.history, article_source(known.reader))


def _behaviour_groups(known: Known) -> Scorer:
    popularity = Popularity(known.reader.connection, days=14)
    models: dict[str, Callable[[History], Scorer]] = {
        "popularity": lambda history: popularity,
        "repurchase": lambda history: Repurchase(popularity),
        "item_knn": ItemKnn().fit,
        "ease": Ease().fit,
    }
    return BehaviourGroups(models).fit(known.reader, known.history)


def _dynamic_lstm(config: SequenceConfig) -> Fitter:
    return lambda known: DynamicLstm(config, known.seed).fit(
        known.history, article_source(known.reader), views.read(known.reader, known.as_of)
    )


def _category_lstm(known: Known) -> Scorer:
    return CategoryLstm(seed=known.seed).fit(known.history, article_source(known.reader))


ROSTER: dict[str, Fitter] = {
    "ranker": learnt.ranker,
    "blend": learnt.blend,
    "lightgbm_lambdarank": learnt.lightgbm_lambdarank,
    "lightgbm_xendcg": learnt.lightgbm_xendcg,
    "lightgbm_likely": learnt.lightgbm_likely,
    "popularity_7d": _popularity(7),
    "popularity_14d": _popularity(14),
    "popularity_28d": _popularity(28),
    "repurchase": lambda known: Repurchase(Popularity(known.reader.connection, days=14)),
    "item_knn": lambda known: ItemKnn().fit(known.history),
    "ease": lambda known: Ease().fit(known.history),
    "ease_all_time": lambda known: Ease(half_life_days=float("inf")).fit(known.history),
    "als": lambda known: Als(seed=known.seed).fit(known.history),
    "bpr": lambda known: Bpr(seed=known.seed).fit(known.history),
    "dynamic_lstm": _dynamic_lstm(DynamicLstm().config),
    "dynamic_lstm_orders": _dynamic_lstm(SequenceConfig(answers="order")),
    "category_lstm": _category_lstm,
    "mlp_baskets_100": _mlp_baskets(100),
    "mlp_baskets_500_100": _mlp_baskets(500, 100),
    "two_tower": _two_tower(),
    "two_tower_deep": _two_tower(hidden=128),
    "two_tower_diverse": _two_tower(hidden=128, diversity=1.0),
    "fashion_dna": _fashion_dna,
    "behaviour_groups": _behaviour_groups,
}
"""Model -> how it is fitted; the order is that of the documentation."""


def models(paths: Paths) -> dict[str, Fitter]:
    """Return what an installation can compare.

    The roster, the ranker without embeddings where there are any, the oracle where its truth lies.
    """
    found, tastes = dict(ROSTER), paths.truth / "tastes"
    if any(embeddings.kept(paths.embeddings)):
        found["ranker_without_embeddings"] = learnt.ranker_without_embeddings
    if tastes.is_dir():
        found[oracle.NAME] = lambda known: oracle.Oracle(tastes, known.reader)
    return found
