"""The models that learn from the ranker's examples; examples and fits are made once for all."""

from typing import TYPE_CHECKING

from training.ranker import examples
from training.ranker.boosting import BoostingConfig, FittedTrees
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.fitting import Fit, encoders_of, fit, with_trees
from training.ranker.ranking import RankerScorer, Scorer

if TYPE_CHECKING:
    from training.evaluation.roster import Known


def ranker(known: "Known") -> Scorer:
    """Fit the network, as it would serve."""
    found = _network(known)
    return RankerScorer(known.reader, found.ranker, curves=found.curves)


def blend(known: "Known") -> Scorer:
    """Let the network and the trees have a say of the same weight."""
    found = with_trees(_network(known).ranker, _trees(known, "rank_xendcg"), _frame(known))
    return RankerScorer(known.reader, found)


def lightgbm_lambdarank(known: "Known") -> Scorer:
    """Grow trees by the LambdaRank objective."""
    return RankerScorer(known.reader, _trees(known, "lambdarank"))


def lightgbm_xendcg(known: "Known") -> Scorer:
    """Grow trees by the cross-entropy objective."""
    return RankerScorer(known.reader, _trees(known, "rank_xendcg"))


def _frame(known: "Known") -> ExampleFrame:
    def build() -> ExampleFrame:
        rows = examples.build(known.reader, RankerConfig(), known.as_of, known.seed)
        return ExampleFrame.of(rows, known.reader.catalogue)

    return known.once("frame", build)


def _network(known: "Known") -> Fit:
    def train() -> Fit:
        frame, catalogue = _frame(known), known.reader.catalogue
        return fit(frame, catalogue, RankerConfig(), seed=known.seed, device=known.device)

    return known.once("network", train)


def _trees(known: "Known", objective: str) -> FittedTrees:
    def grow() -> FittedTrees:
        frame = _frame(known)
        encoders = encoders_of(frame, known.reader.catalogue)
        return BoostingConfig(objective).fit(frame, encoders, known.seed)

    return known.once(objective, grow)
