"""Published lists made by hand: what the hand-off leaves of a night, without the list itself."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine.interval import midnight
from vitrine.letters import EXCLUSIONS, EXCLUSIONS_FILE, HOLD_OUT, LETTERS, LETTERS_FILE
from vitrine.publish import new_version


def letter(
    customer_id: str,
    night: date,
    send_at: datetime | None = None,
    *,
    list_name: str = "daily",
    campaigns: Iterable[str] = (),
    products: Iterable[tuple[str, str]] = (),
    **said: Any,
) -> dict[str, Any]:
    """Return a letter's row; campaigns by id, products by id and campaign, all in their order."""
    return {
        "message_id": f"{list_name}-{night:%m%d}-{customer_id}",
        "customer_id": customer_id,
        "list": list_name,
        "night": night,
        "send_at": send_at or midnight(night).replace(hour=7),
        "local_day": night,
        "segment": "loyal",
        "strategy": "selection",
        "arm": "standard",
        "arm_propensity": 1.0,
        "campaigns": [{"rank": n, "campaign_id": c} for n, c in enumerate(campaigns, 1)],
        "products": [
            {
                "position": n,
                "slot": "similar",
                "product_id": product_id,
                "campaign_id": campaign_id,
                "probability": 0.01,
                "propensity": 1.0,
            }
            for n, (product_id, campaign_id) in enumerate(products, 1)
        ],
    } | said


def publish(
    root: Path,
    night: date,
    letters: Iterable[dict[str, Any]],
    excluded: Mapping[str, str] | None = None,
    list_name: str = "daily",
    capped: Mapping[str, str] | None = None,
) -> None:
    """Publish a night's letters and exclusions under `Paths.lists`; arms of those `capped`."""
    rows = pa.Table.from_pylist(list(letters), schema=LETTERS.schema)
    arms = dict(capped or {})
    named = dict(excluded or {}) | dict.fromkeys(arms, "cap_per_week")
    reasons = {
        "customer_id": list(named),
        "exclusion": list(named.values()),
        "assigned": [
            arms.get(c, HOLD_OUT if why == HOLD_OUT else None) for c, why in named.items()
        ],
    }
    with new_version(root / list_name / night.isoformat(), f"{night:%Y%m%d}T0330") as folder:
        pq.write_table(rows, folder / LETTERS_FILE)
        pq.write_table(pa.table(reasons, schema=EXCLUSIONS.schema), folder / EXCLUSIONS_FILE)
