"""Tables whose rows are records: JSON texts by id, each read into the same columns."""

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table; `sql` finds its value in `id` and `record`, the record's text."""

    name: str
    data_type: str
    sql: str
    description: str


class Table(NamedTuple):
    """A table whose rows are records, JSON texts by id."""

    name: str
    purpose: str
    description: str
    columns: tuple[Column, ...]
