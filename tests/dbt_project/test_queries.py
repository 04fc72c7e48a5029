"""Each worked query of docs/queries.md runs as it stands there, and answers as the page shows."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from vitrine import publish, runlog
from vitrine.installation import Installation
from vitrine.interval import Interval
from vitrine.settings import load_settings
from vitrine.transform import console, run_table

PAGE = (REPOSITORY / "docs" / "queries.md").read_text()


@dataclass(frozen=True)
class Question:
    title: str
    query: str
    columns: list[str]
    has_warning: bool


def questions() -> list[Question]:
    return [_question(section) for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]]


def _question(section: str) -> Question:
    (query,) = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    (head,) = re.findall(r"^(\|.*\|)\n\| ---", section, re.MULTILINE)
    return Question(
        title=section.partition("\n")[0],
        query=query,
        columns=re.findall(r"`(\w+)`", head),
        has_warning="\n*Watch out:* " in section,
    )


@pytest.fixture(scope="module")
def warehouse_of_analysts(built, tmp_path_factory):
    """What `vitrine sql` opens, after the small shop was published and its runs recorded."""
    home = tmp_path_factory.mktemp("analyst")
    installation = Installation(load_settings({"VITRINE_HOME": str(home)}))
    paths = installation.paths
    for database, file in built.items():
        copy = Path(shutil.copy(file, home / f"{database}.duckdb"))
        publish.publish_file(copy, paths.warehouse, "20260404T0000")
    day = Interval.parse("2026-03-23", "2026-03-24")
    for stage in ("land", "build daily staging", "land"):
        with runlog.record(paths, stage, day):
            pass
    run_table.publish_runs(paths, 3)
    with console.open_warehouse(paths) as connection:
        yield connection


def test_the_page_asks_ten_questions():
    asked = questions()
    assert [q.title.partition(". ")[0] for q in asked] == [str(n) for n in range(1, 11)]
    assert all(q.has_warning for q in asked)


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.title.partition(". ")[0])
def test_a_worked_query_runs_and_answers_in_the_columns_shown(warehouse_of_analysts, question):
    answer = warehouse_of_analysts.sql(question.query)
    assert answer.columns == question.columns
    assert len(answer.fetchall()) > 0
