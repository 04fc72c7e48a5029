"""What is asked of Vitrine and of each peer: one question per phase, read from raw files or a lake.

The answer to a question is a folder with one Parquet file for each of `ANSWERS[phase]`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from vitrine.interval import DAY, EPOCH, Interval, parse_instant

ANSWERS = {
    # phase: its tables
    "history": ("user_days", "product_days", "campaign_windows", "customers"),
    "day": ("user_days", "product_days", "customers"),
    "quarter": ("campaign_windows", "campaigns"),
    # What Spark does, from the files that Spark reads.
    "deltas": ("user_days", "product_days", "campaign_windows"),
}
KEYS = {
    "user_days": ("customer_id", "occurred_on", "ds"),
    "product_days": ("product_id", "occurred_on", "ds"),
    "campaign_windows": (
        "campaign_id",
        "demographic_cluster",
        "window_start_at",
        "received_window_start_at",
    ),
    "customers": ("customer_id",),
    "campaigns": ("campaign_id",),
}
LOOK_BACK_DAYS = (7, 30, 365)
LOOK_BACK_MINUTES = {"15min": 15, "1h": 60, "4h": 240, "24h": 1440}
READABLE_AFTER = timedelta(hours=3)
"""From the end of a UTC day to the instant that its features are asked at."""
LATE_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Question:
    """A phase, the files of the shop, and the receipts that the answer is about.

    `source` is `raw` (`<root>/<table>/<start>-<end>.csv.gz`) or `lake`
    (`<root>/<table>/ds=<day>/<start>-<end>.parquet`). The answer's days and windows are those
    received in `asked`, windows no earlier than `windows_from`; its features know all that was
    received before `asked` ends.
    """

    phase: str
    source: str
    root: Path
    asked: Interval
    windows_from: datetime

    def files(self, table: str) -> list[Path]:
        """List a table's files in the order of time: those that the answer depends on."""
        pattern = "*/[0-9]*.parquet" if self.source == "lake" else "[0-9]*.csv.gz"
        found = (
            f for f in sorted((self.root / table).glob(pattern)) if "1970" not in f.parent.name
        )
        return [f for f in found if self._needed(table).covers(file_interval(f))]

    def _needed(self, table: str) -> Interval:
        # A window's features look back one day; a customer's first purchase may lie anywhere.
        is_short = self.phase == "quarter" and table in ("orders", "events")
        return Interval(self.asked.end - DAY - DAY if is_short else EPOCH, self.asked.end)


def file_interval(path: Path) -> Interval:
    """Read the interval of receipt from a file's name."""
    start, end = path.name.split(".")[0].split("-")
    return Interval(parse_instant(start), parse_instant(end))
