"""What sold lately, as of each of the days before an instant.

Shape legend: P purchases, C campaigns, D whole days before the instant.
"""

import numpy as np
import scipy.sparse as sp


def recent_sales(
    age_days_P: np.ndarray, campaign_P: np.ndarray, campaigns: int, window_days: int
) -> sp.csr_matrix:
    """Return float32 `sold_DC`: purchases of ages `d .. d + window - 1` in whole days.

    Row 0 is what is known now, row d + 1 what was surely known d whole days ago. The last row is
    empty: nothing was bought on that day or before it.
    """
    day_P = np.floor(np.maximum(age_days_P, 0)).astype(np.int64)
    days = int(day_P.max(initial=0)) + 2
    ones_P = np.ones(len(day_P), dtype=np.float32)
    each_DC = sp.csr_matrix((ones_P, (day_P, campaign_P)), (days, campaigns))
    offsets = range(min(window_days, days))
    diagonals = [np.ones(days, dtype=np.float32)] * len(offsets)
    window_DD = sp.diags_array(diagonals, offsets=offsets, shape=(days, days))
    return sp.csr_matrix(window_DD @ each_DC)
