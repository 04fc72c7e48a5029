"""The assets that connect the DAGs: what one run publishes and another waits for.

Each event carries the interval that it stands for in its `extra`: `{"start": …, "end": …}`.
Only DAG files import this module, since it needs Airflow.
"""

from airflow.sdk import Asset

FEATURES = Asset("daily_features", group="warehouse")
"""The published daily warehouse; its end is the end of the last day it knows."""

WINDOWS = Asset("intraday_features", group="warehouse")
"""The published intraday warehouse."""

LABELLED_PRODUCTS = Asset("labelled_products", group="lake")
"""Products that came with photographs and labels, so that the classifier can learn from them."""

RANKER = Asset("ranker_champion", group="models")
"""The ranker was trained and compared; the alias `champion` stands where it should."""

CLASSIFIER = Asset("classifier_champion", group="models")
"""The classifier was trained and compared, and the catalogue embedded by the champion."""

LISTS = Asset("email_lists", group="lists")
"""The lists of one night."""
