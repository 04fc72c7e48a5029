"""The command line: `vitrine STAGE VERB --start … --end …`.

Each stage keeps its own commands in a module `commands`, which is imported when the command is
called. So `vitrine --help` is quick, and nothing here imports a stage.
"""

import errno
import os
import sys
from importlib import import_module

import click

from vitrine.errors import VitrineError

COMMANDS = {
    # name: (module:attribute, one line of help)
    "demo": (
        "vitrine.operations.commands:demo",
        "Run the whole pipeline on a shop, from an empty home.",
    ),
    "up": ("vitrine.operations.commands:up", "Start Airflow and MLflow on the loopback."),
    "down": ("vitrine.operations.commands:down", "Stop what `up` started."),
    "status": (
        "vitrine.operations.commands:status",
        "Show what is published, how old it is, and what is broken.",
    ),
    "run": (
        "vitrine.operations.commands:run",
        "Run the stages of a DAG for an interval, without Airflow.",
    ),
    "backfill": (
        "vitrine.operations.commands:backfill",
        "Run a DAG over past intervals and verify its partitions.",
    ),
    "doctor": (
        "vitrine.operations.commands:doctor",
        "Check what this machine has and what is needed.",
    ),
    "init": ("vitrine.operations.commands:init", "Prepare a home for a shop."),
    "simulate": ("vitrine.simulator.commands:simulate", "Write a simulated shop's raw files."),
    "land": ("vitrine.landing.commands:land", "Turn raw files into lake tables and quarantine."),
    "compact": (
        "vitrine.landing.commands:compact",
        "Merge the many small files of finished days.",
    ),
    "spark": ("spark_jobs.commands:spark", "Submit a Spark job for an interval."),
    "labels": (
        "vitrine.operations.commands:labels",
        "Count the products of an interval that a classifier can learn from.",
    ),
    "check": (
        "expectations.commands:check",
        "Run a suite of data checks; a failed one stops the line.",
    ),
    "build": (
        "vitrine.transform.commands:build",
        "Build a layer of a warehouse with dbt, in private.",
    ),
    "publish": ("vitrine.transform.commands:publish", "Make a built warehouse visible to readers."),
    "prove-time": (
        "vitrine.proof.commands:prove_time",
        "Prove from raw rows that no feature uses what came later.",
    ),
    "docs": ("vitrine.transform.commands:docs", "Generate the dbt docs and the data dictionary."),
    "sql": ("vitrine.transform.commands:sql", "Query the published warehouse read-only."),
    "train": ("training.commands:train", "Train, evaluate and register a model."),
    "evaluate": (
        "training.commands:evaluate",
        "Compare rankers on past weeks, or judge the classifier on unseen products.",
    ),
    "rollback": ("training.commands:rollback", "Let an earlier champion of a model serve again."),
    "promote": (
        "training.commands:promote",
        "Let a version of a model serve that a rollback held.",
    ),
    "score": ("training.commands:score", "Publish the champion's scores for an instant."),
    "recommend": ("training.commands:recommend", "Rank campaigns for customers as of any instant."),
    "classify": ("training.commands:classify", "Label products from images and text."),
    "embed": (
        "training.commands:embed",
        "Publish each product's embedding and attributes; only what changed is computed.",
    ),
    "similar": (
        "training.commands:similar",
        "Show the products most like one, and what they share; with --html as pictures.",
    ),
    "forget": (
        "vitrine.forgetting.commands:forget",
        "Erase one customer from everything, and certify it.",
    ),
    "explain": (
        "email_lists.commands:explain",
        "Say why a customer gets a night's letter, or none.",
    ),
    "lists": ("email_lists.commands:lists", "Build, publish and preview the nightly e-mail lists."),
}


class LazyGroup(click.Group):
    """A group whose commands live in other modules and load when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup)
@click.version_option(package_name="vitrine")
def vitrine() -> None:
    """Turn a shop's raw data into feature tables, models, and a nightly e-mail list."""


def main() -> None:
    """Run the command line; a failure that a person can act on is one line, without a traceback."""
    # OpenMP reads this when torch loads. By default its threads spin while they wait; on two busy
    # cores a training step then took 4.7 s instead of 0.1 s.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        vitrine(standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"; see {context.command_path} --help" if context else ""
        click.echo(f"vitrine: {error.format_message().rstrip('.')}{hint}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.Abort:
        sys.exit(130)
    except VitrineError as error:
        click.echo(f"vitrine: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT):
            raise
        click.echo(f"vitrine: cannot write {error.filename}: {error.strerror}", err=True)
        sys.exit(1)
