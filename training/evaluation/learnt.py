"""The models that learn from the ranker's examples; examples and fits are made once for all."""

from dataclasses import replace
from typing import TYPE_CHECKING

from training.ranker import examples
from training.ranker.boosting import TREES_LIKELY_SIZE, BoostingConfig, FittedTrees
from training.ranker.config import RankerConfig
from training.ranker.dataset import ExampleFrame
from training.ranker.fitting import Fit, encoders_of, fit, scored, with_trees
from training.ranker.ranking import RankerScorer, Scorer

if TYPE_CHECKING:
    from training.evaluation.roster import Known


def ranker(known: "Known") -> Scorer:
    """Fit the network, as it would serve."""
    found = _network(known)
    return RankerScorer(known.reader, found.ranker, curves=found.curves)


def ranker_without_embeddings(known: "Known") -> Scorer:
    """Fit the network to the same examples less what product embeddings say."""
    config = replace(RankerConfig(), embeddings=False)
    frame, catalogue = _frame(known), known.reader.catalogue
    found = fit(frame, catalogue, config, seed=known.seed, device=known.device)
    return RankerScorer(known.reader, found.ranker, curves=found.curves)


def blend(known: "Known") -> Scorer:
    """Let the networks and trees have a say of the same weight, as `RankerConfig.trees` does."""
    found = with_trees(_network(known).ranker, _trees_of_likely(known), _likely(known))
    return RankerScorer(known.reader, found)


def lightgbm_lambdarank(known: "Known") -> Scorer:
    """Grow trees by the LambdaRank objective."""
    return RankerScorer(known.reader, _trees(known, "lambdarank"))


def lightgbm_xendcg(known: "Known") -> Scorer:
    """Grow trees by the cross-entropy objective."""
    return RankerScorer(known.reader, _trees(known, "rank_xendcg"))


def lightgbm_likely(known: "Known") -> Scorer:
    """Grow them on the rows alone that the ranker's first network finds likeliest."""
    return RankerScorer(known.reader, _trees_of_likely(known))


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


def _likely(known: "Known") -> ExampleFrame:
    def choose() -> ExampleFrame:
        frame, ranker = _frame(known), _network(known).ranker
        first = replace(ranker, network=ranker.network.first())
        return frame.likeliest(scored(first, frame), TREES_LIKELY_SIZE)

    return known.once("likely", choose)


def _trees(known: "Known", objective: str) -> FittedTrees:
    def grow() -> FittedTrees:
        frame = _frame(known).thinned(RankerConfig().uniform_size, known.seed)
        encoders = encoders_of(frame, known.reader.catalogue)
        return BoostingConfig(objective).fit(frame, encoders, known.seed)

    return known.once(objective, grow)


def _trees_of_likely(known: "Known") -> FittedTrees:
    def grow() -> FittedTrees:
        ranker = _network(known).ranker
        encoders = ranker.customer, ranker.campaign, ranker.pair
        return BoostingConfig().fit(_likely(known), encoders, known.seed)

    return known.once("trees of likely", grow)
