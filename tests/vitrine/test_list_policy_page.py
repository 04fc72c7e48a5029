from pathlib import Path

import pytest

from vitrine.list_policy_file import parse
from vitrine.list_policy_page import render

PAGE = Path(__file__).parent.parent.parent / "docs" / "list-policy.md"
ROWS = [line.split(" | ") for line in render().splitlines() if line.startswith("| `")]


def test_the_page_says_what_the_rules_are():
    assert PAGE.read_text() == render(), (
        "run python -m vitrine.list_policy_page > docs/list-policy.md"
    )


def test_every_rule_has_a_meaning():
    assert [row[0] for row in ROWS if not row[-1].rstrip(" |")] == []
    assert len(ROWS) > 40


WRITTEN = [
    (path, default)
    for path, default in ((row[0].strip("| `"), row[2].strip("`")) for row in ROWS)
    if default != "has to be given" and not {"<", "["} & {*path}
]


@pytest.mark.parametrize(("path", "default"), WRITTEN, ids=str)
def test_a_default_in_the_file_changes_nothing(path, default):
    names = path.split(".")
    text = "".join(f"{'  ' * n}{name}:\n" for n, name in enumerate(names)).rstrip("\n")
    assert parse(f"{text} {default}\n", "the page").version == parse("", "nothing").version
