"""Settings of a model as a person types them, `NAME=VALUE`; each config says what they mean."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from vitrine.errors import BadArgumentError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")


def changed(config: Config, assignments: Sequence[str]) -> Config:
    """Return a configuration with some of its fields changed, each written as `name=value`.

    Raises
    ------
    BadArgumentError
        If there is no such setting, or the value is not one that it can have.
    """
    from pydantic import TypeAdapter, ValidationError

    pairs = [text.partition("=") for text in assignments]
    known, names = asdict(config), [name for name, _, _ in pairs]
    for name, equals, _ in pairs:
        if name not in known:
            raise BadArgumentError(
                f"--setting {name}: there is no such setting; there are {', '.join(known)}"
            )
        if not equals:
            raise BadArgumentError(f"--setting {name}: write {name}=VALUE")
        if names.count(name) > 1:
            raise BadArgumentError(f"--setting {name} is given twice")
    given = {name: value for name, _, value in pairs}
    try:
        return TypeAdapter(type(config)).validate_python(known | given)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadArgumentError(
            f"--setting {first['loc'][0]}={first['input']}: {first['msg']}"
        ) from None
