"""Publish a report: the page, its pictures, and the uplifts as a table that analysts query."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from email_lists.report import figures, page
from email_lists.report.reading import Reported
from vitrine.installation import Installation
from vitrine.paths import interval_stamp, stamp
from vitrine.publish import current_version, new_version

PAGE, UPLIFTS = "report.html", "list_uplifts.parquet"


def publish(installation: Installation, reported: Reported) -> Path:
    """Write a version of a list's report, the current one from then on; return its folder."""
    root = installation.paths.list_reports / reported.list_name
    version = f"{interval_stamp(reported.nights)}-known-{stamp(reported.known_until)}"
    with new_version(root, version, installation.settings.keep_versions) as folder:
        figures.draw(reported, folder)
        (folder / PAGE).write_text(page.html(reported))
        pq.write_table(_uplifts(reported), folder / UPLIFTS)
    return current_version(root)


def _uplifts(reported: Reported) -> pa.Table:
    days = reported.nights.days()
    named: dict[str, Any] = {
        "list_name": reported.list_name,
        "first_night": days[0],
        "last_night": days[-1],
        "known_until": reported.known_until,
    }
    rows = reported.uplifts.assign(**named)
    return pa.Table.from_pandas(rows[[*named, *reported.uplifts.columns]], preserve_index=False)
