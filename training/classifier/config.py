"""The classifier's shape and training; presets are functions that return one configuration."""

from dataclasses import asdict, dataclass
from typing import Any

from vitrine.errors import BadArgumentError

TASK_WEIGHTINGS = ("class_count", "fixed", "uncertainty")


@dataclass(frozen=True)
class ClassifierConfig:
    """Everything that decides what is trained and how; checked when it is made.

    Raises
    ------
    BadArgumentError
        If a value lies outside its range.
    """

    image_size: int
    """Side of the square that every image is brought to, pixels."""
    stem_channels: int
    stage_channels: tuple[int, ...]
    """Channels of each stage of the residual network, from the input to the top."""
    stage_depths: tuple[int, ...]
    """Residual blocks of each stage."""
    block: str
    """`basic` (two 3×3 convolutions) or `bottleneck`."""
    epochs: int
    """Of the one cycle of learning rates; with pretrained weights, the most of each stage."""
    batch_size: int
    """Products in a step; each brings all its views, at most `views_in_training`."""
    fewest_steps: int = 0
    """Of the one cycle: a small catalogue is gone through more often, to take so many."""
    pretrained: str = ""
    """Folder or hub name of a transformers ResNet; then the shape is the one found there."""
    patience: int = 0
    """So many epochs without progress of the tuning loss end a stage of training; 0: none do."""
    min_delta: float = 0.005
    """Progress of the tuning loss, as a share of what it was."""
    bfloat16: bool = False
    """Train in bfloat16 where that is faster than float32: on GPUs, and on some CPUs."""
    compiled: bool = False
    """Compile the image encoder on a GPU: a minute at the start of each stage, for faster steps."""
    views_in_training: int = 2
    """A product with more views shows a random choice of them in each step."""
    text_pretrained: str = ""
    """Folder or hub name of a transformers sentence encoder, which reads texts instead of n-grams.

    It stays as it is. A model that was saved has its own copy, and names that."""
    text_buckets: int = 2**16
    """Half of them for words and pairs of words, half for pieces of words."""
    text_width: int = 256
    hidden_width: int = 512
    """Of the layer between what a modality shows and the embedding."""
    embedding_width: int = 128
    image_share: float = 0.15
    """What images count beside a text of 1, while training; see `tuning`."""
    modality_weights: tuple[float, float, float] = (0.1, 0.7, 0.2)
    """What the labels' loss from the whole product, its text alone, and its images alone count."""
    image_shift: float = 1 / 16
    """How far a view may be moved in training, as a share of its side."""
    dropout: float = 0.1
    image_dropout: float = 0.2
    """Share of the image encoder's channels that a step of training leaves out."""
    ngram_dropout: float = 0.3
    """Share of the n-grams that a step of training leaves out."""
    learning_rate: float = 2e-3
    encoder_learning_rate: float = 2e-3
    ngram_learning_rate: float = 60.0
    """Of the n-grams' vectors, by plain gradient descent; see `fitting`."""
    weight_decay: float = 0.05
    task_weighting: str = "fixed"
    """How the tasks are weighed against each other: see `losses.TaskWeights`."""
    task_weights: tuple[tuple[str, float], ...] = ()
    """For `fixed` weighting: a task's name and its weight; those not named have 1."""
    contrast_weight: float = 1.0
    """What drawing together products of the same customers counts beside the labels' loss; 0 where
    only labels shall count. See `contrast`, whose loss starts near 1."""
    contrast_temperature: float = 0.15
    """What cosines are divided by: the lower, the more the nearest negatives count."""

    def __post_init__(self) -> None:
        positive = (
            "image_size", "epochs", "batch_size", "views_in_training",
            "text_width", "hidden_width", "embedding_width",
        )  # fmt: skip
        for name in positive:
            if getattr(self, name) < 1:
                raise BadArgumentError(f"{name}={getattr(self, name)}: it must be at least 1")
        if len(self.modality_weights) != 3 or min(self.modality_weights) < 0:
            raise BadArgumentError(
                f"modality_weights={self.modality_weights}: they must be three, not negative"
            )
        if self.text_buckets < 2:
            raise BadArgumentError(f"text_buckets={self.text_buckets}: it must be at least 2")
        for name in ("patience", "contrast_weight", "image_share", "fewest_steps"):
            if getattr(self, name) < 0:
                raise BadArgumentError(f"{name}={getattr(self, name)}: it must not be negative")
        if self.contrast_temperature <= 0:
            raise BadArgumentError(
                f"contrast_temperature={self.contrast_temperature}: it must be positive"
            )
        for name in ("dropout", "image_dropout", "ngram_dropout", "image_shift", "min_delta"):
            if not 0 <= getattr(self, name) < 1:
                raise BadArgumentError(f"{name}={getattr(self, name)}: it must lie in [0, 1)")
        if len(self.stage_channels) != len(self.stage_depths):
            raise BadArgumentError("stage_channels and stage_depths must be equally long")
        if self.task_weighting not in TASK_WEIGHTINGS:
            raise BadArgumentError(
                f"task_weighting={self.task_weighting}: it must be one of"
                f" {', '.join(TASK_WEIGHTINGS)}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain values that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ClassifierConfig":
        """Read what `to_json` wrote; lists become tuples again."""
        stages = {name: tuple(values[name]) for name in ("stage_channels", "stage_depths")}
        weights = tuple((name, weight) for name, weight in values["task_weights"])
        modalities = {"modality_weights": tuple(values["modality_weights"])}
        return cls(**(values | stages | modalities | {"task_weights": weights}))


def cpu() -> ClassifierConfig:
    """Return a small residual network on 64×64 pixels: minutes on two cores."""
    return ClassifierConfig(
        image_size=64,
        stem_channels=32,
        stage_channels=(32, 64, 128, 256),
        stage_depths=(1, 1, 1, 1),
        block="basic",
        epochs=12,
        fewest_steps=800,
        batch_size=64,
        bfloat16=True,
    )


def resnet50(pretrained: str = "") -> ClassifierConfig:
    """Return ResNet-50 on 224×224 pixels (He et al. 2016, table 1): for a GPU."""
    return ClassifierConfig(
        image_size=224,
        stem_channels=64,
        stage_channels=(256, 512, 1024, 2048),
        stage_depths=(3, 4, 6, 3),
        block="bottleneck",
        epochs=12,
        batch_size=128,
        pretrained=pretrained,
        patience=2 if pretrained else 0,
        bfloat16=True,
        # Of few epochs a stage, compiling takes longer than it saves.
        compiled=not pretrained,
        encoder_learning_rate=3e-4 if pretrained else 2e-3,
    )


def preset_of(name: str, pretrained: str = "") -> ClassifierConfig:
    """Return a preset by its name; only `resnet50` can start from pretrained weights.

    Raises
    ------
    BadArgumentError
        If pretrained weights are given for the preset `cpu`.
    """
    if name == "resnet50":
        return resnet50(pretrained)
    if pretrained:
        raise BadArgumentError("--pretrained goes with --preset resnet50")
    return cpu()
