import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vitrine.cli import COMMANDS

VITRINE = Path(sys.executable).with_name("vitrine")


def command_of(name: str) -> click.Command:
    module, attribute = COMMANDS[name][0].split(":")
    return getattr(import_module(module), attribute)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name):
    command = command_of(name)
    assert isinstance(command, click.Command)
    assert command.get_short_help_str()


GROUPS = [name for name in COMMANDS if isinstance(command_of(name), click.Group)]


@pytest.mark.parametrize("name", GROUPS)
def test_no_groups_help_is_cut(name):
    group = command_of(name)
    assert isinstance(group, click.Group)
    text = CliRunner().invoke(group, ["--help"], terminal_width=80).output
    commands = group.list_commands(click.Context(group))
    assert commands
    for command in commands:
        assert f"  {command} " in text
    assert "..." not in text.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["land", "--start", "2026-03-02", "--end", "2026-03-01"], "must lie after"),
        (["land", "--start", "yesterday", "--end", "2026-03-01"], "is not an instant"),
        (["land", "--start", "2026-03-01"], "Missing option '--end'"),
        (["landd"], "No such command"),
    ],
)
def test_a_bad_argument_is_one_line_and_exit_code_2(tmp_path, arguments, message):
    run = subprocess.run(
        [VITRINE, *arguments],
        env={"VITRINE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_help_imports_no_heavy_library():
    code = (
        "import sys; from click.testing import CliRunner; from vitrine.cli import vitrine;"
        "assert CliRunner().invoke(vitrine, ['--help']).exit_code == 0;"
        "print({'torch', 'pyspark', 'airflow', 'mlflow', 'duckdb'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
