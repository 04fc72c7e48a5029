import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vitrine.simulator.stock import allot

requests = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(0, 9)), max_size=30)


def slow_allot(rows: list[tuple[int, int, int]], left: list[int]) -> list[bool]:
    left, closed, served = list(left), set(), [False] * len(rows)
    for place, (item, wanted, _) in sorted(enumerate(rows), key=lambda r: (r[1][2], r[0])):
        if item not in closed and wanted <= left[item]:
            left[item] -= wanted
            served[place] = True
        else:
            closed.add(item)
    return served


@given(requests, st.lists(st.integers(0, 6), min_size=4, max_size=4))
def test_requests_are_served_as_by_a_clerk(rows, left):
    columns = np.array(rows, np.int64).reshape(-1, 3).T
    served = allot(columns[0], columns[1], columns[2], np.array(left))
    assert served.tolist() == slow_allot(rows, left)
