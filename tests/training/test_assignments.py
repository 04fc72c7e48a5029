from dataclasses import dataclass

import pytest

from training.assignments import changed
from vitrine.errors import BadArgumentError


@dataclass(frozen=True)
class Config:
    epochs: int = 3
    rate: float = 0.5
    widths: tuple[int, ...] = (1, 2)
    is_fast: bool = False


def test_text_becomes_what_the_setting_is():
    found = changed(Config(), ["epochs=12", "rate=1e-3", "is_fast=true"])
    assert found == Config(12, 0.001, (1, 2), is_fast=True)
    assert changed(Config(), []) == Config()


@pytest.mark.parametrize(
    ("assignments", "said"),
    [(["colour=red"], "--setting colour: there is no such setting; there are epochs, rate"),
     (["epochs"], "--setting epochs: write epochs=VALUE"),
     (["epochs=1", "epochs=2"], "--setting epochs is given twice"),
     (["epochs=many"], "--setting epochs=many: ")],
)  # fmt: skip
def test_what_a_setting_cannot_be_is_refused(assignments, said):
    with pytest.raises(BadArgumentError) as refused:
        changed(Config(), assignments)
    assert str(refused.value).startswith(said)
