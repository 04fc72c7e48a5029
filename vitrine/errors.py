"""The named exceptions: one for each thing an operator would do differently.

Every message says what was found, where, and what to type next. The command line prints the
message alone, without a traceback, and exits with `exit_code`.
"""

from collections.abc import Mapping


class VitrineError(Exception):
    """A failure that a person can act on; `exit_code` is what the command line returns."""

    exit_code = 1


class BadArgumentError(VitrineError):
    """What was typed cannot be done: a malformed instant, an unknown customer, no such table."""

    exit_code = 2


class BadInputError(VitrineError):
    """A raw file cannot be read at all; single bad rows go to quarantine instead."""


class GateError(VitrineError):
    """A data check of severity `fail` failed; nothing was published."""


class NotPublishedError(VitrineError):
    """A stage needs something that no earlier stage has published yet."""


class MachineError(VitrineError):
    """The machine lacks something: Java, a free port, disk space, a writable folder."""


class DegenerateModelError(VitrineError):
    """A training run went wrong: NaN, a loss stuck at its margin, or all scores equal."""


class StageSkipped(VitrineError):  # noqa: N818 - it is an outcome, not a fault
    """The shop provides no table that this stage needs; Airflow shows the task as skipped."""

    exit_code = 99


def together(failed: Mapping[str, VitrineError]) -> VitrineError:
    """Return one error for several things that failed, by their names.

    >>> print(together({"daily": MachineError("no room"), "weekly": GateError("too short")}))
    2 failed:
      daily: no room
      weekly: too short
    """
    lines = [f"{len(failed)} failed:", *(f"  {name}: {error}" for name, error in failed.items())]
    return VitrineError("\n".join(lines))
