"""Whether two answers are the same: every row, every column; money to the cent."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.question import KEYS


@dataclass(frozen=True)
class Difference:
    """How one table of an answer differs from another answer's."""

    table: str
    rows: int
    rows_elsewhere: int
    different: int
    example: str = ""

    @property
    def is_none(self) -> bool:
        """Whether the tables are the same; two that are empty prove nothing."""
        return self.rows > 0 and not self.different

    def __str__(self) -> str:
        if not self.different:
            return f"{self.table}: {self.rows:,} rows, equal"
        return (
            f"{self.table}: {self.different:,} of {self.rows:,} and {self.rows_elsewhere:,} rows"
            f" differ, such as {self.example}"
        )


def compare(ours: Path, theirs: Path, tables: tuple[str, ...]) -> list[Difference]:
    """Compare the tables of two answers by key.

    Counts, names, days and instants must be the same; numbers that are sums of money or quotients
    may differ by half a cent, or a half hundredth of their unit.
    """
    return [_compare(ours / f"{table}.parquet", theirs / f"{table}.parquet") for table in tables]


def _compare(ours: Path, theirs: Path) -> Difference:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'; set memory_limit = '3GB'; set threads = 2")
    connection.execute(f"set temp_directory = '{ours.parent / 'spill'}'")
    connection.execute(f"create view ours as from '{ours}'; create view theirs as from '{theirs}'")
    kinds = connection.execute("select column_name, column_type from (describe ours)").fetchall()
    key = KEYS[ours.stem]
    is_different = " or ".join(
        f"coalesce(abs(ours.{name} - theirs.{name}) >= 0.005,"
        f" ours.{name} is distinct from theirs.{name})"
        if kind == "DOUBLE"
        else f"ours.{name} is distinct from theirs.{name}"
        for name, kind in kinds
    )
    unequal = f"""
        from ours full join theirs using ({", ".join(key)})
        where ours.{key[0]} is null or theirs.{key[0]} is null or {is_different}
    """
    ((different,),) = connection.execute(f"select count(*) {unequal}").fetchall()
    ((rows,),) = connection.execute("select count(*) from ours").fetchall()
    ((rows_elsewhere,),) = connection.execute("select count(*) from theirs").fetchall()
    example = ""
    if different:
        example = str(connection.execute(f"select ours, theirs {unequal} limit 1").fetchall())
    return Difference(ours.stem, rows, rows_elsewhere, different, example)
