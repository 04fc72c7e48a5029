"""Random numbers by address: the same question gives the same answer, whatever was asked before.

What a customer does again in another week (come in spells, buy a favourite) is looked up here, not
remembered. So any day can be written without the days before it.
"""

from zlib import crc32

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def uniform(seed: int, purpose: str, number_N: np.ndarray, part_N: np.ndarray | int) -> np.ndarray:
    """Return float64 in [0, 1), length N, from a pair of non-negative integers each.

    SplitMix64 (Steele, Lea, Flood 2014, figure 17) of the pair, 53 bits of it.
    """
    key = np.uint64((seed << 32) & 0xFFFFFFFFFFFFFFFF) ^ np.uint64(crc32(purpose.encode()))
    mixed = _mix(np.asarray(number_N).astype(np.uint64) * _STEP + key)
    mixed = _mix(mixed + np.asarray(part_N).astype(np.uint64) * _STEP)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(value_N: np.ndarray) -> np.ndarray:
    value_N = (value_N ^ (value_N >> np.uint64(30))) * _FIRST
    value_N = (value_N ^ (value_N >> np.uint64(27))) * _SECOND
    return value_N ^ (value_N >> np.uint64(31))
