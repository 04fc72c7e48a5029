"""Negatives: campaigns on sale at a purchase's instant that are not in that purchase.

Shape legend: G groups of purchases by one customer at one instant, P purchases, N negatives.
"""

import numpy as np


def pools(
    on_sale_start_G: np.ndarray,
    on_sale_count_G: np.ndarray,
    bought_group_P: np.ndarray,
    bought_campaign_P: np.ndarray,
    pool_size: int,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw up to `pool_size` distinct negatives for each group.

    Parameters
    ----------
    on_sale_start_G, on_sale_count_G
        int64; the group may draw from campaigns `start .. start + count - 1`.
    bought_group_P, bought_campaign_P
        int64; which campaigns each group bought: they are never its negatives.

    Returns
    -------
    group_N, campaign_N
        int64, sorted by group, then campaign; each pair once. A group whose on-sale set is hardly
        larger than its purchases gets fewer, possibly none.
    """
    groups = len(on_sale_start_G)
    draws_GN = generator.random((groups, pool_size))
    campaign_GN = on_sale_start_G[:, None] + (draws_GN * on_sale_count_G[:, None]).astype(np.int64)
    is_possible_GN = np.broadcast_to(on_sale_count_G[:, None] > 0, campaign_GN.shape)
    width = 1 + max(int(campaign_GN.max(initial=0)), int(bought_campaign_P.max(initial=0)))
    keys_GN = np.arange(groups, dtype=np.int64)[:, None] * width + campaign_GN
    keys = np.unique(keys_GN[is_possible_GN])
    keys = np.setdiff1d(keys, bought_group_P * width + bought_campaign_P, assume_unique=False)
    return keys // width, keys % width


def epoch_negatives(
    start_B: np.ndarray, count_B: np.ndarray, negatives: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw `negatives` rows for each purchase out of its group's pool, with replacement.

    Parameters
    ----------
    start_B, count_B
        int64; the pool of purchase b is rows `start .. start + count - 1`; counts are positive.

    Returns
    -------
    rows_BN
        int64.
    """
    draws_BN = generator.random((len(start_B), negatives))
    rows_BN: np.ndarray = start_B[:, None] + (draws_BN * count_B[:, None]).astype(np.int64)
    return rows_BN
