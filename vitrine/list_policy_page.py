"""The rules of the lists as a page: `python -m vitrine.list_policy_page > docs/list-policy.md`."""

import json
from collections.abc import Iterator
from datetime import date, time
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from vitrine.list_policy import ListPolicy

HEAD = """# The list policy

Generated from `vitrine/list_policy.py`; do not edit. After a change of the rules:
`python -m vitrine.list_policy_page > docs/list-policy.md`

Every rule of `list_policy.yaml` in the home folder, or of the file that `VITRINE_LIST_POLICY`
names. What the file leaves out holds as it stands here; a mapping or a list that it gives takes
the place of the whole default. Names in angle brackets are your own; `[]` is each of a list.
`.venv/bin/vitrine lists policy` prints all that holds. [The nightly lists](lists.md#the-policy)
has an example.
"""
_KINDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    time: 'time of day, such as "07:30"',
    date: "date, such as 2026-03-20",
}
MANY = (dict, tuple)
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def render() -> str:
    """Write all rules as Markdown, in the order of the policy."""
    return "\n".join([HEAD, *(_section(*part) for part in ListPolicy.model_fields.items())])


def _section(name: str, part: FieldInfo) -> str:
    purpose = " ".join((getattr(_rules_in(part.annotation), "__doc__", None) or "").split())
    head = f"## {name}\n\n{purpose}\n\n| rule | type | default | meaning |\n|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in _rows(part, name))


def _rows(field: FieldInfo, path: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield path, type, default and meaning of a rule, or of the rules within it."""
    rules, many = _rules_in(field.annotation), get_origin(field.annotation)
    if rules is None or many in MANY:
        yield f"`{path}`", _kind_of(field), _default(field), field.description or ""
    each_of = path.split(".")[-1].split("_")[-1].removesuffix("s")
    within: dict[Any, str] = {dict: f"{path}.<{each_of}>", tuple: f"{path}[]"}
    for name, each in rules.model_fields.items() if rules else ():
        yield from _rows(each, f"{within.get(many, path)}.{name}")


def _rules_in(annotation: Any) -> type[BaseModel] | None:
    """Find the rules that a rule is made of: one of them, or many in a mapping or a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_rules_in(each) for each in get_args(annotation) if get_origin(annotation) in MANY)
    return next(filter(None, inner), None)


def _kind_of(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(limit, name):g}"
        for limit in field.metadata
        for name, sign in _SIGNS.items()
        if hasattr(limit, name)
    ]
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    parts = [each for each in get_args(annotation) if each not in (NoneType, ...)]
    if get_origin(annotation) is Annotated:
        return _kind(parts[0])
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{each}`" for each in parts)
    if get_origin(annotation) is UnionType:
        return f"{_kind(parts[0])}, or null"
    if get_origin(annotation) is tuple:
        return "list"
    if get_origin(annotation) is dict:
        return "mapping"
    return _KINDS[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "has to be given"
    value = TypeAdapter(Any).dump_python(field.default, mode="json", exclude_defaults=True)
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    click.echo(render(), nl=False)
