"""The pools that the DAGs' tasks name: how many of a kind may run at once, and why.

`python -m vitrine.operations.pools` writes them as `airflow pools import` reads them.
"""

import json
from typing import Any


def _pool(slots: int, why: str) -> dict[str, Any]:
    return {"slots": slots, "description": why, "include_deferred": False}


POOLS = {
    "landing": _pool(1, "One landing at a time writes the lake and its books."),
    "spark": _pool(1, "One Spark driver at a time fits the memory of a small machine."),
    "gpu": _pool(1, "One training or embedding at a time."),
    "daily_warehouse": _pool(1, "One build at a time of warehouse/daily.duckdb."),
    "intraday_warehouse": _pool(1, "One build at a time of warehouse/intraday.duckdb."),
}

if __name__ == "__main__":
    print(json.dumps(POOLS, indent=2))
