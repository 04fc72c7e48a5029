"""Who is held out and who is in which arm: drawn by a stable hash of a name and the customer.

A draw depends on nothing but the two, so the same person stays in the same arm for as long as the
experiment keeps its name, whatever else changes; another name draws all anew, independently.
"""

import hashlib
from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from vitrine.list_policy import Holdout, ListRules


def draws(name: str, customer_ids: Sequence[str]) -> np.ndarray:
    """Draw a number in [0, 1) for each of N customers: 53 bits of BLAKE2b, float64 of shape (N,).

    >>> bool(draws("control", ["U1"])[0] == draws("control", ["U2", "U1"])[1])
    True
    """
    digests = b"".join(_digests(name, customer_ids, 8))
    return (np.frombuffer(digests, ">u8") >> np.uint64(11)).astype(np.float64) * 2.0**-53


def message_ids(list_name: str, night: date, customer_ids: Sequence[str]) -> pa.Array:
    """Name each customer's letter: 32 hexadecimal digits, the same in every run.

    Parameters
    ----------
    night
        UTC day of the instant that the list is made for.
    """
    named = f"letter:{list_name}:{night.isoformat()}"
    return pa.array([d.hex() for d in _digests(named, customer_ids, 16)], pa.string())


def held_out(customer_ids: Sequence[str], holdout: Holdout) -> np.ndarray:
    """Tell of N customers who belongs to the global control, bool of shape (N,)."""
    return draws(f"hold_out:{holdout.name}", customer_ids) < holdout.share


def arms(customer_ids: Sequence[str], rules: ListRules) -> np.ndarray:
    """Draw an arm of a list's experiment for each of N customers.

    The arms divide [0, 1) in the order of their names, so that sorting the file moves nobody.

    Returns
    -------
    numpy.ndarray
        Indices into `sorted(rules.arms)`, intp of shape (N,). An arm without a share gets nobody.
    """
    until_A = np.cumsum([rules.arms[name].share for name in sorted(rules.arms)])
    drawn_N = draws(f"arm:{rules.experiment}", customer_ids)
    return np.searchsorted(until_A / until_A[-1], drawn_N, side="right")


def _digests(name: str, customer_ids: Sequence[str], size: int) -> list[bytes]:
    # What comes first is hashed once; a null byte ends it, so no name runs into an id.
    begun = hashlib.blake2b(name.encode() + b"\0", digest_size=size)
    found = []
    for customer_id in customer_ids:
        hashed = begun.copy()
        hashed.update(customer_id.encode())
        found.append(hashed.digest())
    return found
