"""`vitrine train`, and by name the other commands of `training`, a few lines each."""

from importlib import import_module

import click

TRAIN = {
    # name: (module:attribute, one line of help)
    "examples": (
        "training.ranker.commands:examples",
        "Write the ranker's training examples as of an instant.",
    ),
    "ranker": (
        "training.ranker.commands:ranker",
        "Train, evaluate and register the ranker; promote it through the gate.",
    ),
    "classifier": (
        "training.classifier.commands:classifier",
        "Train, evaluate and register the product classifier.",
    ),
}


class TrainGroup(click.Group):
    """Commands that load when they are called, so that one model never waits for another's."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the models."""
        return list(TRAIN)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        return _imported(TRAIN[cmd_name][0]) if cmd_name in TRAIN else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in TRAIN.items()])


@click.group(cls=TrainGroup)
def train() -> None:
    """Train, evaluate and register a model."""


def __getattr__(name: str) -> click.Command:
    """Import a command that is not of `train` when the command line asks for it."""
    where = {
        "evaluate": "training.evaluation.commands:evaluate",
        "rollback": "training.champion_commands:rollback",
        "promote": "training.champion_commands:promote",
        "score": "training.ranker.commands:score",
        "recommend": "training.ranker.commands:recommend",
        "classify": "training.classifier.commands:classify",
        "embed": "training.classifier.catalogue_commands:embed",
        "similar": "training.classifier.catalogue_commands:similar",
    }
    if name not in where:
        raise AttributeError(name)
    return _imported(where[name])


def _imported(where: str) -> click.Command:
    module, attribute = where.split(":")
    command: click.Command = getattr(import_module(module), attribute)
    return command
