"""The classes that a shop's own words fall into; read from where they are defined.

They are definitions, like a feature's description, and there is one of each: a second list of
colours here would prove nothing about time.
"""

import ast
import re
from functools import cache

from vitrine.proof.history import UNKNOWN
from vitrine.settings import REPOSITORY

OTHER = "other"
AGE_BANDS = ("16-24", "25-34", "35-49", "50-64", "65+")


@cache
def words(kind: str) -> dict[str, str]:
    """Return the words of each `channel`, `colour` or `audience` class, as a pattern."""
    text = (REPOSITORY / "dbt_project" / "macros" / "classes.sql").read_text()
    ((body),) = re.findall(rf"macro {kind}_classes\(\).*?return\((.*?)\) }}}}", text, re.DOTALL)
    found: dict[str, str] = ast.literal_eval(body)
    return found


def class_of(kind: str, text: str | None) -> str:
    """Name the first class of which a whole word occurs; `other` where none does."""
    for name, pattern in words(kind).items():
        if text is not None and re.search(rf"\b({pattern})\b", text.lower(), re.ASCII):
            return name
    return OTHER


def age_band(demographic_cluster: str) -> str:
    """Return the age band in a cluster such as `female:35-49:FR`."""
    return [*demographic_cluster.split(":"), UNKNOWN][1] or UNKNOWN


def most(counts: dict[str, int], otherwise: str = UNKNOWN) -> str:
    """Name the largest, the first of equals; `otherwise` where all are empty."""
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > 0 else otherwise
