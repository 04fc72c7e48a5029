"""What the classifier confuses: which class it takes for which, how often, for which products."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from training.classifier.catalogue import Product
from training.classifier.judging.answers import Answers

NOTHING = "(nothing)"
"""Stands where a product has an answer too many, or one too few."""
COLUMNS = ("task", "product_id", "true_label", "given_label", "probability", "true_count")


def mistakes(judged: Mapping[str, Answers], products: Sequence[Product]) -> pd.DataFrame:
    """Return one row per task, held-out product, class that was missed and class given instead.

    Columns: COLUMNS; `probability` is that of the class given, `true_count` says how many held-out
    products have the one that was missed. Where a product has several answers each one missed
    stands beside each wrong one, or beside NOTHING.
    """
    found = [_of_task(answers).assign(task=task) for task, answers in judged.items()]
    table = pd.concat(found, ignore_index=True)
    table["product_id"] = [products[n].product_id for n in table["product"]]
    return table[list(COLUMNS)].sort_values(list(COLUMNS[:4]), ignore_index=True)


def confusions(mistakes: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return each task's most frequent pairs, the most frequent first.

    Columns: task, true_label, given_label, product_count, true_count.
    """
    keys = ["task", "true_label", "given_label"]
    pairs = mistakes.groupby(keys, as_index=False).agg(
        product_count=("product_id", "size"), true_count=("true_count", "first")
    )
    pairs = pairs.sort_values(
        ["task", "product_count", *keys[1:]], ascending=[True, False, True, True]
    )
    return pairs.groupby("task").head(most).reset_index(drop=True)


def _of_task(answers: Answers) -> pd.DataFrame:
    """Return product, true_label, given_label, probability, true_count of every mistake."""
    true_count_C = np.bincount(answers.true_class_T, minlength=len(answers.classes))
    names = np.asarray(answers.classes, dtype=object)
    width = len(answers.classes)
    is_missed_T = ~np.isin(
        answers.true_row_T * width + answers.true_class_T, answers.row_A * width + answers.class_A
    )
    missed_class = answers.true_class_T[is_missed_T]
    missed = pd.DataFrame(
        {
            "row": answers.true_row_T[is_missed_T],
            "true_label": names[missed_class],
            "true_count": true_count_C[missed_class],
        }
    )
    is_wrong_A = ~answers.is_right_A
    wrong = pd.DataFrame(
        {
            "row": answers.row_A[is_wrong_A],
            "given_label": names[answers.class_A[is_wrong_A]],
            "probability": answers.confidence_A[is_wrong_A],
        }
    )
    pairs = missed.merge(wrong, on="row", how="outer")
    return pairs.assign(
        product=answers.product_N[pairs["row"].to_numpy(np.int64)],
        true_label=pairs["true_label"].fillna(NOTHING),
        given_label=pairs["given_label"].fillna(NOTHING),
        true_count=pairs["true_count"].fillna(0).astype(np.int64),
    )
