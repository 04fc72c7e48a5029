"""Where the report reads: the marts of the published warehouse, whatever had reached it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from email_lists.judging import reading
from email_lists.judging.uplift import COLUMNS, compared
from vitrine.errors import BadInputError
from vitrine.installation import Installation
from vitrine.interval import Interval, midnight
from vitrine.letters import ATTRIBUTED, HOLD_OUT
from vitrine.warehouse import connect

BEFORE_DAYS = 28
"""Whose purchases narrow the intervals of the uplift."""
NOBODY_HELD_OUT = "nobody was held out in these nights (holdout.share in the list policy)"

_OF_LIST = """
select * exclude (list_name) from daily.marts.{mart}
where list_name = $list and night >= $first and night < $last
order by all
"""

_STOCK = """
select * from daily.marts.rpt_list_stock
where night >= $first and night < $last
order by night, campaign_id, product_id
"""


@dataclass(frozen=True)
class Reported:
    """One list's nights, a frame a mart; see the data dictionary for their columns."""

    list_name: str
    nights: Interval
    known_until: datetime
    """What was received before is counted."""
    currency: str
    sizes: pd.DataFrame
    """`rpt_lists`."""
    exclusions: pd.DataFrame
    """`rpt_list_exclusions`."""
    arms: pd.DataFrame
    """`rpt_list_arms`."""
    stock: pd.DataFrame
    """`rpt_list_stock`, of all lists."""
    uplifts: pd.DataFrame
    """`uplift.compared`: each arm beside the hold-out, then beside the largest arm."""
    why_no_uplift: str
    """Empty where arms stand beside the hold-out."""

    @property
    def counting_since(self) -> date | None:
        """The first night whose letters may still be credited with sales; None without one."""
        open_ = [n for n in self.sizes["night"] if midnight(n) + _LONGEST > self.known_until]
        return min(open_, default=None)


_LONGEST = timedelta(days=1) + ATTRIBUTED
"""From a night's midnight until nothing more can count as its letters'."""


def read(installation: Installation, list_name: str, nights: Interval) -> Reported:
    """Read from the published warehouse, as `reported`."""
    with connect(installation.paths, ("daily",)) as connection:
        return reported(connection, list_name, nights, installation.shop.currency)


def reported(
    connection: duckdb.DuckDBPyConnection, list_name: str, nights: Interval, currency: str
) -> Reported:
    """Read a list's nights `nights.start <= night < nights.end`.

    Raises
    ------
    BadArgumentError
        If the nights begin or end within a day.
    NotPublishedError
        If the warehouse ends before the nights do, or knows no letter of them.
    """
    logged = reading.logged(connection, list_name, nights, BEFORE_DAYS)
    found, why_not = _uplifts(logged.customers)
    bounds = {"first": nights.start.date(), "last": nights.end.date()}
    asked = {"list": list_name, **bounds}
    return Reported(
        list_name=list_name,
        nights=nights,
        known_until=logged.known_until,
        currency=currency,
        sizes=_frame(connection, _OF_LIST.format(mart="rpt_lists"), asked),
        exclusions=_frame(connection, _OF_LIST.format(mart="rpt_list_exclusions"), asked),
        arms=_frame(connection, _OF_LIST.format(mart="rpt_list_arms"), asked),
        stock=_frame(connection, _STOCK, bounds),
        uplifts=found.to_pandas(),
        why_no_uplift=why_not,
    )


def _frame(connection: duckdb.DuckDBPyConnection, sql: str, asked: dict[str, Any]) -> pd.DataFrame:
    frame = connection.sql(sql, params=asked).df()
    decimals = [name for name in frame if frame[name].dtype == object and name.endswith("turnover")]
    return frame.astype(dict.fromkeys(decimals, float)).assign(night=frame["night"].dt.date)


def _uplifts(customers: pa.Table) -> tuple[pa.Table, str]:
    """Compare arms with the hold-out, if there is one, and with the largest, if there are several.

    Beside the tables stands why arms do not stand beside the hold-out, if they do not.
    """
    rows = customers.group_by("arm").aggregate([("customer_id", "count")]).to_pylist()
    sizes = {row["arm"]: row["customer_id_count"] for row in rows}
    held_out = sizes.pop(HOLD_OUT, 0)
    controls = [HOLD_OUT] if held_out else []
    if len(sizes) > 1:
        controls.append(max(sorted(sizes), key=lambda arm: sizes[arm]))
    found, why_not = [COLUMNS.empty_table()], "" if held_out else NOBODY_HELD_OUT
    for control in controls:
        try:
            found.append(compared(customers, control))
        except BadInputError as error:
            why_not = str(error)
    return pa.concat_tables(found), why_not
