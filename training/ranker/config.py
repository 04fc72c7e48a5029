"""The ranker's settings: every number that a person may turn, with the reason for its default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from training.assignments import changed
from vitrine.errors import BadArgumentError

LOSSES = ("triplet", "hard_triplet", "semi_hard_triplet", "sigmoid_rank", "bpr", "softmax")
OBJECTIVES = ("lambdarank", "rank_xendcg")


@dataclass(frozen=True)
class RankerConfig:
    """Sizes, sampling and optimisation of one training run.

    Raises
    ------
    BadArgumentError
        If a value is out of its range.
    """

    max_groups: int = 5_000
    """Most recent (customer, instant) groups of purchases that become examples."""
    pool_size: int = 600
    """Negatives drawn for a group."""
    uniform_size: int = 100
    """Of them, those that the first network learns from, drawn by chance."""
    likely_size: int = 30
    """Rows of a group that the second network learns from: those that the first finds likeliest.
    0: there is no second network."""
    negatives: int = 20
    """Negatives that each purchase meets, drawn anew every epoch."""
    loss: str = "softmax"
    """One of `LOSSES`; LOG.md compares them."""
    margin: float = 1.0
    """By how much a purchase shall stand above a negative; the triplet losses alone ask."""
    tower_width: int = 32
    """Of the two vectors whose product is a part of the score."""
    hidden_width: int = 64
    """Of each tower's hidden layer."""
    head_width: int = 64
    """Of the layer that customer, campaign and pair share; the one above it is half as wide."""
    category_width: int = 8
    """Of the vector of a text feature's value."""
    dropout: float = 0.1
    """Share of the head's units that are left out of a training step."""
    epochs: int = 8
    batch_groups: int = 64
    """Groups in a step."""
    learning_rate: float = 3e-3
    """The highest: reached in the first third of the steps, then falling (OneCycle)."""
    weight_decay: float = 1e-4
    trees: int = 0
    """LambdaRank trees grown beside the networks, whose scores are added. LOG.md: no better on
    earlier weeks, and every pair then costs a walk through each of them."""
    embeddings: bool = True
    """Whether it sees how alike campaigns are by the embeddings of their products. LOG.md: what
    that brings in the simulated shop is within chance, and it does no harm."""
    bfloat16: bool = True
    """On a GPU alone: matrix products in 16 bits, sums and weights in 32."""
    compiled: bool = True
    """On a GPU alone, where a batch's many small kernels would take longer to start than to run."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "RankerConfig":
        """Read what a model's folder says; settings that have gone away since are left out.

        A setting that its release did not know yet has the value that does what was done then.
        """
        then = {"uniform_size": stored["pool_size"], "likely_size": 0, "embeddings": False}
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in {**then, **stored}.items() if name in known})

    def changed(self, assignments: Sequence[str]) -> "RankerConfig":
        """Return these settings with some of them changed, each written as `name=value`.

        Raises
        ------
        BadArgumentError
            If there is no such setting, or the value is not one that it can have.
        """
        return changed(self, assignments)

    @property
    def sampled(self) -> tuple[int, ...]:
        """The settings that decide which examples are drawn."""
        return self.max_groups, self.pool_size

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise BadArgumentError(f"loss '{self.loss}' is unknown; known: {', '.join(LOSSES)}")
        for name in ("trees", "likely_size", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise BadArgumentError(f"{name} must be 0 or more, not {getattr(self, name)}")
        for name in ("uniform_size", "likely_size"):
            if getattr(self, name) > self.pool_size:
                raise BadArgumentError(
                    f"{name} {getattr(self, name)} is more than the {self.pool_size} of pool_size"
                )
        if not 0 <= self.dropout < 1:
            raise BadArgumentError(f"dropout must be in [0, 1), not {self.dropout}")
        positive = (
            "max_groups", "pool_size", "uniform_size", "negatives", "epochs", "batch_groups",
            "margin", "learning_rate", "tower_width", "hidden_width", "category_width",
        )  # fmt: skip
        if self.head_width < 2:
            raise BadArgumentError(f"head_width must be 2 or more, not {self.head_width}")
        for name in positive:
            if not getattr(self, name) > 0:
                raise BadArgumentError(f"{name} must be positive, not {getattr(self, name)}")
