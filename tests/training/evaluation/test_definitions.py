"""Which code a model's kept figures depend on."""

import pytest

from training.evaluation import definitions
from training.evaluation.roster import ROSTER


def modules(name: str) -> set[str]:
    return definitions.behind(definitions.named(ROSTER[name]))


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("popularity_7d", "training.evaluation.baselines"),
        ("ease", "training.peers.ease"),
        ("als", "training.peers.implicit_models"),
        ("ranker", "training.ranker.fitting"),
        ("ranker", "training.ranker.examples"),
        ("lightgbm_lambdarank", "training.ranker.sampling"),
        ("ranker", "training.ranker.losses"),  # named by none, imported by a module behind it
    ],
)
def test_a_model_depends_on_the_modules_behind_its_fitter(name, module):
    assert module in modules(name)


def test_a_peer_does_not_depend_on_another_nor_on_the_network():
    for module in ("training.peers.implicit_models", "training.ranker.affinity"):
        assert module not in modules("ease")


def test_the_arguments_of_a_fitter_count():
    found = {definitions.digest(ROSTER[name]) for name in ROSTER}
    assert len(found) == len(ROSTER)


def test_imports_within_functions_count():
    def fitter(known):
        from training.peers.ease import Ease

        return Ease().fit(known)

    assert "training.peers.ease" in definitions.named(fitter)
