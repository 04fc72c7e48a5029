"""The moment itself, in the campaign's time zone."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from vitrine.proof.history import UNKNOWN, History
from vitrine.proof.references.offers import opened_at

MINUTE = timedelta(minutes=1)
PERMANENT_MINUTES = 43200.0


def context(history: History, campaign_id: str, as_of: datetime) -> dict[str, Any]:
    """Answer for `feat_context`."""
    known = history.latest("campaigns", campaign_id, as_of)
    opens_at = opened_at(history, campaign_id, as_of)
    closes_at = known["closes_at"] if known else None
    local = as_of.astimezone(ZoneInfo(known["timezone"])) if known else None
    return {
        "local_hour": local.hour if local else 0,
        "local_weekday": local.isoweekday() if local else 1,
        "local_day_of_year": local.timetuple().tm_yday if local else 1,
        "section": known["sector"] if known else UNKNOWN,
        "minutes_since_opening": max(0.0, (as_of - opens_at) / MINUTE) if opens_at else 0.0,
        "minutes_to_end": max(0.0, (closes_at - as_of) / MINUTE)
        if closes_at
        else PERMANENT_MINUTES,
    }
