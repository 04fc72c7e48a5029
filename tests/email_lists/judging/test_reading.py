"""What judgements read of published and staged lists."""

from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from email_lists.judging import explorations, reading
from tests.published_letters import letter, publish
from vitrine.errors import BadInputError
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.letters import LETTERS
from vitrine.settings import load_settings

NIGHT = date(2026, 3, 2)
SALES = pa.schema(
    [(name, pa.string()) for name in ("message_id", "campaign_id", "product_id")]
    + [("line_value", pa.float64())]
)


def test_what_another_list_would_have_shown_is_no_plan_for_this_one(tmp_path):
    installation = Installation(load_settings({"VITRINE_HOME": str(tmp_path)}))
    staged = {}
    for name in ("daily", "weekend"):
        sure = letter("c1", NIGHT, list_name=name, products=[("p1", "k1")])
        drawn = sure | {"products": [sure["products"][0] | {"propensity": 0.5}]}
        publish(installation.paths.lists, NIGHT, [drawn], list_name=name)
        staged[name] = tmp_path / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist([sure], schema=LETTERS.schema), staged[name])
    night = Interval.of_day(NIGHT)
    published, shown = reading.shown_by_both(installation, "daily", night, [staged["daily"]])
    assert published["message_id"].to_pylist() == shown["message_id"].to_pylist()
    published, shown = reading.shown_by_both(installation, "daily", night, [staged["weekend"]])
    assert published["list"].to_pylist() == ["daily"]
    with pytest.raises(BadInputError, match="no letter of these nights has a place"):
        explorations.judged("as shown", published, shown, SALES.empty_table())
