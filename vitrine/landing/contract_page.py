"""The contract tables as a page: `python -m vitrine.landing.contract_page > docs/contracts.md`."""

import click

from vitrine.contracts import TABLES, Column, Table

HEAD = """# The raw contract

Generated from `vitrine/contracts.py`; do not edit. After a change of the contract:
`python -m vitrine.landing.contract_page > docs/contracts.md`

A source module turns a shop's files into these tables and nothing else ([how](new-shop.md)). A shop
may lack whole tables, and every column that may be null. Instants are UTC with microseconds; money
is in the shop's one currency.
"""


def render() -> str:
    """Write all tables as Markdown, in the order of the contract."""
    return "\n".join([HEAD, *map(_table, TABLES.values())])


def _table(table: Table) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    head = f"## {table.name}\n\n{table.grain} Key: {key}.\n\n"
    columns = "| column | type | null | meaning |\n|---|---|---|---|\n"
    return head + columns + "".join(map(_column, table.columns))


def _column(column: Column) -> str:
    null = "yes" if column.nullable else ""
    values = (
        f" One of {', '.join(f'`{value}`' for value in column.values)}." if column.values else ""
    )
    return f"| `{column.name}` | {column.type} | {null} | {column.description}{values} |\n"


if __name__ == "__main__":
    click.echo(render(), nl=False)
