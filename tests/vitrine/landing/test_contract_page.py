from pathlib import Path

from vitrine.contracts import TABLES
from vitrine.landing.contract_page import render

PAGE = Path(__file__).parents[3] / "docs" / "contracts.md"


def test_the_page_of_the_contract_is_current():
    assert PAGE.read_text() == render(), "run python -m vitrine.landing.contract_page > " + str(
        PAGE
    )


def test_the_page_names_every_column():
    page = render()
    for table in TABLES.values():
        assert f"## {table.name}\n" in page
        for column in table.columns:
            assert f"| `{column.name}` | {column.type} |" in page
