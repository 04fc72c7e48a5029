"""Options that many commands share: instants and intervals, read the same way everywhere."""

import os
import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from vitrine.errors import BadArgumentError
from vitrine.interval import Interval, parse_instant
from vitrine.list_policy import DEFAULT_LIST, LIST_NAME


class InstantType(click.ParamType):
    """An ISO 8601 instant; a bare date is its midnight in UTC."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read the text, or refuse it in one line."""
        if isinstance(value, datetime):
            return value
        try:
            return parse_instant(value)
        except BadArgumentError as error:
            self.fail(str(error), param, ctx)


class ListNameType(click.ParamType):
    """The name of an e-mail list; it becomes a folder's name, so no other characters may."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take the name, or refuse it in one line."""
        if not re.fullmatch(LIST_NAME, str(value)):
            self.fail(f"{value!r} is no list's name, such as {DEFAULT_LIST}", param, ctx)
        return str(value)


INSTANT = InstantType()


def refuse_unwritable(out: Path, option: str = "--out") -> None:
    """Make sure, before any work is done for it, that a file can be written where `option` says.

    Raises
    ------
    BadArgumentError
        If the name is a folder's, or its folder cannot be made or written to.
    """
    if out.is_dir():
        raise BadArgumentError(f"{option} {out} is a folder: name the file to write")
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadArgumentError(f"{option} {out}: {error.strerror} ({error.filename})") from None
    if not os.access(out.absolute().parent, os.W_OK):
        raise BadArgumentError(f"{option} {out}: the folder cannot be written to; name another")


as_of_option = click.option(
    "--as-of", required=True, type=INSTANT, help="Use only what was available at this instant."
)


night_option = click.option(
    "--as-of",
    required=True,
    type=INSTANT,
    help="The instant that the night's list is made for, such as 2026-03-16T03:30:00Z.",
)


list_option = click.option(
    "--list",
    "list_name",
    type=ListNameType(),
    default=DEFAULT_LIST,
    show_default=True,
    help="Which of the policy's lists.",
)


def interval_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--start` and `--end`, and pass them on as one `interval`."""

    @click.option("--start", required=True, type=INSTANT, help="First instant.")
    @click.option("--end", required=True, type=INSTANT, help="First instant after the last.")
    @wraps(command)
    def with_interval(*args: Any, start: datetime, end: datetime, **kwargs: Any) -> Any:
        return command(*args, interval=Interval(start, end), **kwargs)

    return with_interval
