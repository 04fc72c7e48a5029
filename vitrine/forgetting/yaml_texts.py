"""Take one person out of YAML, such as the list policy, so that it still says the same of others.

There an id of digits alone stands for a customer in a list too that is named `customers`. The text
is cleaned like any other, at the places that the parser gives; comments and layout stay.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from vitrine.forgetting.person import REPLACEMENT, Person
from vitrine.forgetting.texts import decoded, replace

_CUSTOMERS = re.compile("customers?(_ids?)?", re.IGNORECASE)


def found(file: Path, person: Person) -> int:
    """Count the lines that name the person."""
    text = decoded(file)
    lines, cleaned = text.splitlines(), _cleaned(text, person).splitlines()
    return sum(before != after for before, after in zip(lines, cleaned, strict=True))


def erase(file: Path, person: Person) -> None:
    """Replace a file by one without the person; everything else keeps its bytes."""
    replace(file, _cleaned(decoded(file), person))


def _cleaned(text: str, person: Person) -> str:
    for start, end in sorted(set(_places(text, person)), reverse=True):
        text = text[:start] + REPLACEMENT + text[end:]
    return person.redacted(text)


def _places(text: str, person: Person) -> Iterator[tuple[int, int]]:
    """Yield start and end of each customer's id that is the person's."""
    if person.customer_id not in text:
        return
    try:
        nodes = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.YAMLError:  # what is no YAML is a text like any other
        return
    for node in nodes:
        for scalar in _customers(node, is_named=False):
            if scalar.value == person.customer_id:
                yield scalar.start_mark.index, scalar.end_mark.index


def _customers(node: yaml.Node | None, is_named: bool) -> Iterator[yaml.ScalarNode]:
    """Yield the values below a name that says they are customers."""
    if isinstance(node, yaml.ScalarNode) and is_named:
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _customers(each, is_named)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _customers(value, bool(_CUSTOMERS.fullmatch(str(key.value))))
