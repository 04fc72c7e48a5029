"""The classifier's peers: logistic regressions on the TF-IDF of what is written of a product.

They see no image and need no GPU: what they reach, the network has to surpass. Shape legend: L
products learnt from, H products asked about, G n-grams, C classes of a task.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from training.classifier.catalogue import Product, Task
from training.classifier.judging.answers import Answers

STRENGTHS = (3.0, 10.0, 30.0, 100.0)
"""Inverse strengths of the L2 penalty (scikit-learn's C); each task takes what tunes best."""
MOST_STEPS = 1_000


@dataclass(frozen=True)
class TextPeer:
    """One way of reading a text."""

    analyzer: str
    """`word`, or `char_wb` for letters within words."""
    sizes: tuple[int, int]
    """The shortest and the longest n-gram."""
    fewest_texts: int
    """N-grams of fewer texts are left out."""

    def answer(
        self,
        tasks: Sequence[Task],
        trained_on: Sequence[Product],
        tuning: Sequence[Product],
        held_out: Sequence[Product],
    ) -> dict[str, Answers]:
        """Answer each task about the held-out products, after learning from all others.

        The penalty is the one that answers best about `tuning` after learning from `trained_on`, by
        the mean of accuracy and macro-F1; the strongest among equals.
        """
        tried = _Read.of(self, trained_on, tuning)
        final = _Read.of(self, [*trained_on, *tuning], held_out)
        answers = {}
        for task in tasks:
            quality = [_quality(tried.answers(task, strength)) for strength in STRENGTHS]
            answers[task.name] = final.answers(task, STRENGTHS[int(np.argmax(quality))])
        return answers


PEERS = {
    "words": TextPeer("word", (1, 2), fewest_texts=1),
    "letters": TextPeer("char_wb", (2, 5), fewest_texts=2),
}


@dataclass(frozen=True)
class _Read:
    """The texts of products to learn from, and of those to be asked about, as TF-IDF."""

    learnt: Sequence[Product]
    asked: Sequence[Product]
    read_LG: csr_matrix
    read_HG: csr_matrix

    @classmethod
    def of(cls, peer: TextPeer, learnt: Sequence[Product], asked: Sequence[Product]) -> "_Read":
        """Read texts by the n-grams of those to learn from; a frequency counts as 1 + ln tf."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        reader = TfidfVectorizer(
            analyzer=peer.analyzer,
            ngram_range=peer.sizes,
            min_df=peer.fewest_texts,
            sublinear_tf=True,
        )
        read_LG = reader.fit_transform([product.text for product in learnt])
        return cls(learnt, asked, read_LG, reader.transform([product.text for product in asked]))

    def answers(self, task: Task, strength: float) -> Answers:
        """Learn a task, and answer it about the products asked about."""
        numbers = [task.numbers(product.labels.get(task.name)) for product in self.learnt]
        known_L = np.flatnonzero([bool(some) for some in numbers])
        is_class_LC = np.zeros((len(known_L), len(task.classes)), bool)
        for row, n in enumerate(known_L):
            is_class_LC[row, numbers[n]] = True
        fit = _several if task.is_multi_label else _one
        probability_HC = fit(self.read_LG[known_L], is_class_LC, self.read_HG, strength)
        # The solver's last bits change from run to run, and would change the page with them.
        return Answers.of(task, self.asked, np.round(probability_HC, 6))


def _one(
    read_LG: csr_matrix, is_class_LC: np.ndarray, read_HG: csr_matrix, strength: float
) -> np.ndarray:
    """Return the probability of each class where one is right, (H, C)."""
    class_L = is_class_LC.argmax(axis=1)
    probability_HC = np.zeros((read_HG.shape[0], is_class_LC.shape[1]))
    seen = np.unique(class_L)
    if len(seen) < 2:
        probability_HC[:, seen] = 1
        return probability_HC
    probability_HC[:, seen] = _regression(strength).fit(read_LG, class_L).predict_proba(read_HG)
    return probability_HC


def _several(
    read_LG: csr_matrix, is_class_LC: np.ndarray, read_HG: csr_matrix, strength: float
) -> np.ndarray:
    """Return the probability of each class where any number is right, (H, C)."""
    probability_HC = np.empty((read_HG.shape[0], is_class_LC.shape[1]))
    for number, is_class_L in enumerate(is_class_LC.T):
        answered_HC = _one(read_LG, np.column_stack([~is_class_L, is_class_L]), read_HG, strength)
        probability_HC[:, number] = answered_HC[:, 1]
    return probability_HC


def _regression(strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=MOST_STEPS)


def _quality(answers: Answers) -> float:
    """Return the mean of accuracy and macro-F1; nothing to be judged by is no quality."""
    if not len(answers):
        return 0.0
    once_N1 = np.ones((len(answers), 1))
    return float(answers.is_exact_N.mean() + answers.macro_f1(once_N1)[0]) / 2
