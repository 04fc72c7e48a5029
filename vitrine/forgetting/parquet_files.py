"""Take one person out of a Parquet file, row group by row group; others' rows stay as they are."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vitrine import lake
from vitrine.forgetting.person import CUSTOMER, KINDS, Person
from vitrine.forgetting.rows import may_hold_text, without
from vitrine.publish import atomic_file


def found(file: Path, person: Person) -> int:
    """Count the rows that are the person's and the texts that name them."""
    with pq.ParquetFile(file) as content:
        texts = [field.name for field in content.schema_arrow if may_hold_text(field.type)]
        groups = range(content.num_row_groups)
        read = (content.read_row_group(group, columns=texts) for group in groups)
        return sum(without(rows, person).found for rows in read) if texts else 0


def ids(file: Path) -> pa.Table:
    """Read the columns that say whose a row is, or hold ids that belong to one person."""
    with pq.ParquetFile(file) as content:
        names = [n for n in content.schema_arrow.names if n in (CUSTOMER, *KINDS)]
        rows = content.read(columns=names)
        return rows.cast(pa.schema([(name, pa.string()) for name in names]))


def erase(file: Path, person: Person) -> None:
    """Replace a file by one without the person.

    Raises
    ------
    ValueError
        If the others' rows would not stay as they were; then the file is as it was.
    """
    with pq.ParquetFile(file) as content, atomic_file(file) as path:
        schema, groups = content.schema_arrow, range(content.num_row_groups)
        compression = content.metadata.row_group(0).column(0).compression.lower()
        kept = []
        with pq.ParquetWriter(path, schema, compression=compression) as writer:
            for group in groups:
                kept.append(without(content.read_row_group(group), person).rows)
                writer.write_table(kept[-1], row_group_size=max(1, kept[-1].num_rows))
        _require_same(path, pa.concat_tables(kept))


def erase_from_lake(file: Path, person: Person) -> None:
    """Do the same with a file of the lake's layout, as the lake's own writer writes it."""
    lake.rewrite(file, lambda rows: without(rows, person).rows)


def _require_same(file: Path, expected: pa.Table) -> None:
    with pq.ParquetFile(file) as written:
        if not written.read().equals(expected):
            raise ValueError(f"{file} would lose rows of others")
