"""What a judged subject answers to one task, beside the truth, and what follows from it.

Shape legend: H held-out products, N of them that carry a label of the task, C classes, T true
classes of all N together, A answers of all N together, R sets of draws.

A subject answers each task of one label with the most probable class, and a multi-label one with
every class that is more probable than not, or with the most probable one where there is none. So
each product has an answer that can be right or wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from training.classifier.catalogue import Product, Task, answers
from training.classifier.prediction import chosen


@dataclass(frozen=True)
class Answers:
    """The answers to one task about the N products that carry its label.

    Parameters
    ----------
    classes
        Those of the task, then those that no training product had: nobody can answer with them.
    product_N
        int64, places among the held-out products, rising.
    true_row_T, true_class_T
        int64: which of the N products has which class.
    row_A, class_A
        int64: about which of the N products which class was answered.
    confidence_A
        float64, the probability that came with the answer.
    is_sure_A
        Bool, whether the subject gives the answer, or would rather have a person asked.
    """

    classes: tuple[str, ...]
    product_N: np.ndarray
    true_row_T: np.ndarray
    true_class_T: np.ndarray
    row_A: np.ndarray
    class_A: np.ndarray
    confidence_A: np.ndarray
    is_sure_A: np.ndarray

    @classmethod
    def of(
        cls,
        task: Task,
        products: Sequence[Product],
        probability_HC: np.ndarray,
        is_sure_HC: np.ndarray | None = None,
    ) -> "Answers":
        """Read the answers from the probabilities of all held-out products, in their order.

        Parameters
        ----------
        is_sure_HC
            The classes that a subject gives for an answer; one without is always sure.
        """
        truth = [answers(product.labels.get(task.name, "")) for product in products]
        product_N = np.flatnonzero([bool(labels) for labels in truth])
        unseen = {label for labels in truth for label in labels} - {*task.classes}
        classes = (*task.classes, *sorted(unseen))
        number_of = {label: number for number, label in enumerate(classes)}
        true = [(row, number_of[c]) for row, n in enumerate(product_N) for c in truth[n]]
        given = [
            (row, c) for row, n in enumerate(product_N) for c in chosen(task, probability_HC[n])
        ]
        true_row_T, true_class_T = _columns(true)
        row_A, class_A = _columns(given)
        return cls(
            classes,
            product_N,
            true_row_T,
            true_class_T,
            row_A,
            class_A,
            probability_HC[product_N[row_A], class_A].astype(np.float64),
            np.ones(len(row_A), bool)
            if is_sure_HC is None
            else is_sure_HC[product_N[row_A], class_A],
        )

    def __len__(self) -> int:
        return len(self.product_N)

    @cached_property
    def is_right_A(self) -> np.ndarray:
        """Bool: whether the product has the class that was answered."""
        width = len(self.classes)
        true_T = self.true_row_T * width + self.true_class_T
        return np.isin(self.row_A * width + self.class_A, true_T)

    @property
    def right_N(self) -> np.ndarray:
        """How many of a product's answers are right, int64."""
        return np.bincount(self.row_A[self.is_right_A], minlength=len(self))

    @property
    def given_N(self) -> np.ndarray:
        """How many answers a product got, int64."""
        return np.bincount(self.row_A, minlength=len(self))

    @property
    def is_exact_N(self) -> np.ndarray:
        """Bool: whether a product's answers are all that is true of it, and nothing else."""
        true_N = np.bincount(self.true_row_T, minlength=len(self))
        is_exact_N: np.ndarray = (self.right_N == true_N) & (self.right_N == self.given_N)
        return is_exact_N

    def among(self, product_P: np.ndarray) -> "Answers":
        """Keep the answers about some of the held-out products; the places stay what they are."""
        is_kept_N = np.isin(self.product_N, product_P)
        row_N = np.cumsum(is_kept_N) - 1
        is_kept_T, is_kept_A = is_kept_N[self.true_row_T], is_kept_N[self.row_A]
        return Answers(
            self.classes,
            self.product_N[is_kept_N],
            row_N[self.true_row_T[is_kept_T]],
            self.true_class_T[is_kept_T],
            row_N[self.row_A[is_kept_A]],
            self.class_A[is_kept_A],
            self.confidence_A[is_kept_A],
            self.is_sure_A[is_kept_A],
        )

    def sure(self) -> "Answers":
        """Keep the answers that the subject gives; the rest is left to people."""
        return replace(
            self,
            row_A=self.row_A[self.is_sure_A],
            class_A=self.class_A[self.is_sure_A],
            confidence_A=self.confidence_A[self.is_sure_A],
            is_sure_A=self.is_sure_A[self.is_sure_A],
        )

    def macro_f1(self, weight_NR: np.ndarray) -> np.ndarray:
        """Return the macro-F1 of each set of draws of the products, float64 (R,).

        As `training.classifier.metrics.score` has it: the mean over the classes that are true of,
        or answered about, products that were drawn. `weight_NR` says how often each was; a column
        of ones gives that of all products, and one of zeros NaN.
        """
        right_A = self.is_right_A
        hits_CR = self._by_class(self.row_A[right_A], self.class_A[right_A], weight_NR)
        marked_CR = self._by_class(self.row_A, self.class_A, weight_NR)
        marked_CR += self._by_class(self.true_row_T, self.true_class_T, weight_NR)
        is_there_CR = marked_CR > 0
        f1_CR = np.divide(2 * hits_CR, marked_CR, out=np.zeros_like(hits_CR), where=is_there_CR)
        with np.errstate(invalid="ignore"):
            macro_R: np.ndarray = f1_CR.sum(axis=0) / is_there_CR.sum(axis=0)
        return macro_R

    def _by_class(self, row: np.ndarray, class_: np.ndarray, weight_NR: np.ndarray) -> np.ndarray:
        """Count pairs of product and class by class, float64 (C, R)."""
        ones, shape = np.ones(len(row), weight_NR.dtype), (len(self.classes), len(self))
        pairs_CN = csr_array((ones, (class_, row)), shape=shape)
        count_CR: np.ndarray = (pairs_CN @ weight_NR).astype(np.float64)
        return count_CR


def _columns(pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return int64 (2, n)."""
    return np.asarray(pairs, np.int64).reshape(-1, 2).T
