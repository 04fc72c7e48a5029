"""Who gets the last piece: requests are served in the order of time, never beyond the stock."""

import numpy as np


def allot(
    item_R: np.ndarray, quantity_R: np.ndarray, at_R: np.ndarray, left_I: np.ndarray
) -> np.ndarray:
    """Say which requests are served.

    A request is served whole or not at all. Once an item cannot serve a request it is sold out for
    those that come later: a shop that shows "sold out" does not turn back.

    Parameters
    ----------
    item_R
        int, index into `left_I`.
    quantity_R, at_R
        int, units wanted (1 or more) and instant of the request; ties go to the earlier row.
    left_I
        int, units left of each item.

    Returns
    -------
    numpy.ndarray
        bool of shape (R,).

    Examples
    --------
    >>> allot(np.array([0, 0, 1]), np.array([1, 1, 1]), np.array([20, 10, 0]), np.array([1, 5]))
    array([False,  True,  True])
    """
    order_R = np.lexsort((np.arange(len(item_R)), at_R, item_R))
    item, wanted = item_R[order_R], np.cumsum(quantity_R[order_R])
    is_first = np.r_[True, item[1:] != item[:-1]] if len(item) else np.zeros(0, bool)
    before = (wanted - quantity_R[order_R])[is_first][np.cumsum(is_first) - 1]
    served_R = np.zeros(len(item_R), bool)
    served_R[order_R] = wanted - before <= left_I[item]
    return served_R
