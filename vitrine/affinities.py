"""What a history says of a campaign, described as the YAML describes the published features.

The ranker computes these for itself (`training/ranker/affinity.py`), the gate of its examples
checks them.
"""

from vitrine.feature_catalogue import Feature


def _feature(name: str, description: str, unit: str, fill: float = 0.0) -> Feature:
    return Feature(name, "affinity", "numeric", fill, unit, "day", ("orders",), description)


OWN = (
    _feature("own_orders_faded_7d", "Orders with it, fading by e in 7 days.", "orders"),
    _feature("own_orders_faded_30d", "Orders with it, fading by e in 30 days.", "orders"),
    _feature("own_orders_faded_90d", "Orders with it, fading by e in 90 days.", "orders"),
    _feature("own_order_ratio", "Share of the customer's orders that held it.", "ratio"),
    _feature("own_orders_since", "Orders since the last that held it.", "orders", 99.0),
    _feature("own_days_since_first", "Days since it was first bought.", "days", 999.0),
    _feature("own_interval_ratio", "Days since it was last bought by its usual interval; below"
             " zero where it was not bought twice.", "ratio", -1.0),
)  # fmt: skip
NEAR = (
    _feature("near_ease_faded", "EASE over fading purchases.", "score"),
    _feature("near_ease_binary", "EASE over what was ever bought.", "score"),
    _feature("near_ease_basket", "EASE over orders, for what was bought lately.", "score"),
    _feature("near_neighbours", "BM25 cosine of buyers, the nearest hundred alone.", "score"),
    _feature("near_lift", "Baskets shared with what was bought.", "score"),
    _feature("near_lift_recent", "The same in the baskets of the last six weeks.", "score"),
    _feature("near_lift_last_basket", "Baskets shared with the last order.", "score"),
    _feature("near_next_basket", "How often it came next after the last order.", "score"),
    _feature("near_latent", "Product of the factors of customer and campaign.", "score"),
    _feature("near_alike", "Share of the customers most alike who bought it lately.", "ratio"),
    _feature("near_words", "Squared likenesses of words to what was bought, added up.", "score"),
    _feature("near_words_best", "The largest likeness of words to anything bought.", "ratio"),
    _feature("near_words_last", "The same to the last order alone.", "ratio"),
)
CONTENT = (
    _feature("near_content", "Squared likenesses of what it sells to what was bought, added up:"
             " cosines of the means of products' embeddings.", "score"),
    _feature("near_content_best", "The largest likeness of what it sells to anything bought.",
             "ratio"),
    _feature("near_content_last", "The same to the last order alone.", "ratio"),
)  # fmt: skip
"""Beside `FEATURES` where product embeddings are published."""
FEATURES = (*OWN, *NEAR)
CAMPAIGN = (
    _feature("bought_first_ratio", "Share of its orders that were a customer's first.", "ratio"),
    _feature("bought_again_ratio", "Share of its buyers who bought it again.", "ratio"),
)
