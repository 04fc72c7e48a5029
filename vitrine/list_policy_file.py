"""The file that the lists' policy stands in: where it is, how it is read, what is wrong with it.

`VITRINE_LIST_POLICY` names the file; without it, `list_policy.yaml` in the home folder holds, if it
is there, and else the defaults of `vitrine.list_policy`.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from vitrine.errors import BadArgumentError
from vitrine.installation import Installation
from vitrine.list_policy import COUNTRY, DOMAIN, LIST_NAME, ListPolicy

_OF_THE_FORM = {
    LIST_NAME: "a list's name is of small letters, digits and _, a letter first",
    COUNTRY: "a country is a code of two letters, such as FR",
    DOMAIN: "a domain is such as example.com",
}
_A_MAPPING = "write its names below it, each with its value"
_WORDS = {
    "missing": "is missing",
    "dict_type": _A_MAPPING,
    "model_type": _A_MAPPING,
    "tuple_type": "write a list: [one, another]",
    "too_short": "name at least one",
    "string_too_short": "say something",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_parsing": "write a number",
    "time_parsing": "write a time of day from 00:00 to 23:59 in quotes, such as '21:00'",
    "date_from_datetime_parsing": "write a day, such as 2026-03-20",
    "date_from_datetime_inexact": "write a day alone, such as 2026-03-20",
}
"""What pydantic says to programmers, in the words of who writes a policy; by type of error."""


def read(installation: Installation) -> ListPolicy:
    """Read the policy of an installation.

    Raises
    ------
    BadArgumentError
        If the file that the setting names is not there, is not YAML, or says what cannot be.
    """
    file = file_of(installation)
    return parse(file.read_text(), str(file)) if file else ListPolicy()


def file_of(installation: Installation) -> Path | None:
    """Find the policy's file: the one that the setting names, else the home's; None for neither.

    Raises
    ------
    BadArgumentError
        If the file that the setting names is not there.
    """
    named = installation.settings.list_policy
    file = Path(named).expanduser() if named else installation.paths.list_policy
    if file.is_file():
        return file
    if named:
        raise BadArgumentError(f"VITRINE_LIST_POLICY={named}: there is no such file")
    return None


def parse(text: str, where: str) -> ListPolicy:
    """Read a policy from YAML; `where` is what a message calls it.

    >>> parse("caps: {per_week: 3}", "list_policy.yaml").caps.per_week
    3

    Raises
    ------
    BadArgumentError
        As `read`; the message names the place in the file.
    """
    try:
        given: Any = yaml.load(text, _UniqueKeys)  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark
        place = f", line {at.line + 1}, column {at.column + 1}" if at else ""
        raise BadArgumentError(f"{where} is not YAML{place}: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadArgumentError(f"{where} is not YAML: {' '.join(str(error).split())}") from None
    if given is not None and not isinstance(given, dict):
        raise BadArgumentError(f"{where} is not a mapping of names to rules")
    try:
        return ListPolicy(**(given or {}))
    except ValidationError as error:
        told = [_told(problem) for problem in error.errors()]
        lines = f"{where}: {told[0]}" if len(told) == 1 else "\n  ".join([f"{where}:", *told])
        raise BadArgumentError(lines) from None


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a name that stands twice in one mapping: the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping, or refuse it."""
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name!r} stands twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Construct a day or an instant, or say where one is that no calendar has."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:
            told = f"{node.value} is on no calendar ({error})"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark) from None


_UniqueKeys.add_constructor("tag:yaml.org,2002:timestamp", _UniqueKeys.construct_yaml_timestamp)


def _told(problem: Any) -> str:
    """Word one mistake: its place in the file, what is wrong, what was written."""
    # People count from 1; a name that is refused is the last part before pydantic's "[key]".
    path = [part for part in problem["loc"] if part != "[key]"]
    parts = [f"#{part + 1}" if isinstance(part, int) else str(part) for part in path]
    place = ".".join(parts) or "the whole"
    if problem["type"] == "extra_forbidden":
        return f"{place}: there is no such rule"
    form = _OF_THE_FORM.get((problem.get("ctx") or {}).get("pattern", ""))
    said = problem["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    reason = form or _WORDS.get(problem["type"], said)
    is_plain = isinstance(problem["input"], str | int | float) and problem["type"] != "value_error"
    return f"{place}: {reason}" + (f", not {problem['input']!r}" if is_plain else "")
