"""`benchmarks.slates` counts what was bought of a slate; its people are the boutique's."""

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.slates import BOTH, NONE, TO_ALL, WORDS, judged
from email_lists.composition import compose
from email_lists.slates.similarity import ProductVectors, beside, of_words


def test_what_was_bought_of_each_slate_is_counted(boutique):
    ids = tuple(boutique.products["product_id"].to_pylist())
    embedded = ProductVectors(ids, np.eye(len(ids), 8, dtype=np.float32))
    known = replace(boutique, vectors=beside(embedded, of_words(boutique.products), ids))
    shown = compose(known, TO_ALL, "daily").products.to_pandas()
    of_anna = shown[shown["customer_id"] == "anna"]
    similar = of_anna.loc[of_anna["slot"] == "similar", "product_id"].iloc[0]
    other = of_anna.loc[of_anna["slot"] != "similar", "product_id"].iloc[0]
    bought = [("anna", similar), ("anna", other), ("anna", "p00"), ("ben", "p00"), ("ida", "p01")]
    rows = judged(known, pd.DataFrame(bought, columns=["customer_id", "product_id"]))
    assert rows["customer_id"].to_list() == ["anna", "ben"], "ida is not written to"
    anna, ben = rows.to_dict("records")
    assert anna[f"{BOTH} similar recall@3"] == 1 / 3
    assert anna[f"{BOTH} slate recall@7"] == 2 / 3
    assert anna[f"{BOTH} similar hit rate@3"] == anna[f"{BOTH} slate hit rate@7"] == 1
    assert anna[f"{NONE} similar recall@3"] == 0
    assert not any(ben[f"{way} slate hit rate@7"] for way in (BOTH, WORDS, NONE))
