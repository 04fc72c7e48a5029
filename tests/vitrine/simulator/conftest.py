"""One small shop for all tests of the simulator: 300 customers, 16 days over a change of clocks."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vitrine.contracts import TABLES
from vitrine.interval import Interval
from vitrine.simulator.shop import Shop
from vitrine.simulator.writing import write_interval
from vitrine.sources.flash_sale import SOURCE

FOUNDED_ON = date(2026, 3, 20)
INTERVAL = Interval.parse("2026-03-20", "2026-04-05")


@dataclass(frozen=True)
class Written:
    """What a shop wrote, read back as the source reads it; facts still hold their duplicates."""

    landing: Path
    tables: dict[str, pd.DataFrame]
    truth: pd.DataFrame

    def table(self, name: str) -> pd.DataFrame:
        """Return a table with each key once."""
        return self.tables[name].drop_duplicates(list(TABLES[name].key))


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop.of_size(7, 300, FOUNDED_ON)
    write_interval(shop, folder / "landing", folder / "truth", INTERVAL)
    return Written(folder / "landing", _tables(folder / "landing"), _truth(folder / "truth"))


def _tables(landing: Path) -> dict[str, pd.DataFrame]:
    batches = [SOURCE.read(landing, drop) for drop in SOURCE.drops(landing, INTERVAL)]
    return {
        name: pa.concat_tables([batch.tables[name] for batch in batches]).to_pandas()
        for name in TABLES
    }


def _truth(folder: Path) -> pd.DataFrame:
    days = [
        pq.read_table(file).to_pandas().assign(day=date.fromisoformat(file.stem))
        for file in sorted((folder / "tastes").glob("*.parquet"))
    ]
    return pd.concat(days, ignore_index=True)
