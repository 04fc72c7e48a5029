"""The README's commands: the cheap ones run, the long ones are ones that exist, written right."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import duckdb
import pytest

from tests.conftest import REPOSITORY
from vitrine import publish
from vitrine.cli import vitrine
from vitrine.settings import load_settings

BINARY = Path(sys.executable).with_name("vitrine")
CHEAP = {"status", "sql"}
"""Commands that need no more than what the home of this test holds."""


def commands(of: str) -> list[list[str]]:
    """The README's lines that begin with `of`, as the shell splits them."""
    blocks = re.findall(r"```sh\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    return [line[1:] for line in lines if line and line[0] == of]


def makes() -> list[list[str]]:
    return commands("make")


def vitrines() -> list[list[str]]:
    return commands(".venv/bin/vitrine")


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with a published table of customers, and a landing folder."""
    home = tmp_path_factory.mktemp("readme")
    file = home / "daily.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.dim_customers as select 'loyal' as segment")
    settings = load_settings({"VITRINE_HOME": str(home)})
    publish.publish_file(file, settings.home / "warehouse", "20260316T0000")
    return home


def test_the_readme_has_commands():
    assert ["demo"] in makes()
    # Who takes a champion back must read how the hold that this begins is ended.
    assert {line[0] for line in vitrines()} > {*CHEAP, "rollback", "promote"}


@pytest.mark.parametrize("arguments", makes(), ids=" ".join)
def test_a_target_exists_and_says_what_it_does(arguments):
    planned = run("make", "--no-print-directory", "--dry-run", *arguments)
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout
    told = run("make", "--no-print-directory", "help").stdout
    assert re.search(rf"^  make {arguments[0]} ", told, re.MULTILINE)


@pytest.mark.parametrize("arguments", vitrines(), ids=" ".join)
def test_a_command_is_written_right(arguments):
    """Parse as the command line does, down to the last option; call nothing."""
    context = click.Context(vitrine)
    command: click.Command = vitrine
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, list(arguments))
        assert found is not None
        command = found
        context = click.Context(command, parent=context, info_name=name)
    parsed = command.make_context(context.info_name, list(arguments))
    assert parsed.command is command


@pytest.mark.parametrize("arguments", [a for a in vitrines() if a[0] in CHEAP], ids=" ".join)
def test_a_cheap_command_runs(home, arguments):
    done = run(BINARY, *arguments, VITRINE_HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_worked_query_answers(home):
    (query,) = [a for a in vitrines() if a[0] == "sql"]
    assert "loyal" in run(BINARY, *query, VITRINE_HOME=str(home)).stdout


PAGES = sorted((REPOSITORY / "docs").rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_pages_commands_can_be_typed_as_they_stand(page):
    lines = page.read_text().splitlines()
    assert [line for line in lines if re.match(r"\s*vitrine [a-z-]+ ", line)] == []
    for line in lines:
        if typed := re.match(r"\s*(?:[A-Z_]+=\S+ )?\.venv/bin/vitrine ([^#>|]+)", line):
            command: click.Command = vitrine
            rest = shlex.split(typed[1])
            while isinstance(command, click.Group):
                _, found, rest = command.resolve_command(click.Context(command), rest)
                assert found is not None
                command = found
            options = {name for param in command.params for name in param.opts}
            assert {word for word in rest if word.startswith("--")} <= options, line


def test_the_readmes_links_lead_somewhere():
    text = (REPOSITORY / "README.md").read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert len(links) > 5
    assert [link for link in links if not (REPOSITORY / link).exists()] == []
