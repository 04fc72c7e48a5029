"""The network: a shared image encoder, a small text encoder, one trunk, one linear head per task.

V views, B products, T n-grams, S classes of all tasks side by side, D channels of an encoder,
E width of the embedding; H = W = the image size. The penultimate layer is the product embedding, as
in Zalando's Fashion DNA (Bracher et al. 2016); the encoder is transformers' ResNet.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from transformers import ResNetConfig, ResNetModel
from transformers.utils import logging

from training.classifier.batches import Batch
from training.classifier.calibration import uncalibrated
from training.classifier.catalogue import Task
from training.classifier.config import ClassifierConfig
from training.classifier.sentences import opened
from vitrine.errors import BadArgumentError

# Mean and deviation of ImageNet's RGB channels, which pretrained encoders were fitted to.
CHANNEL_MEAN = (0.485, 0.456, 0.406)
CHANNEL_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Output:
    """`logits_BS`: the tasks' classes side by side; `embedding_BE`: unit length. Both float32."""

    logits_BS: torch.Tensor
    embedding_BE: torch.Tensor


class ProductClassifier(nn.Module):
    """Any number of views and a text in; logits per task and one embedding out."""

    mean_C: torch.Tensor
    deviation_C: torch.Tensor

    def __init__(self, config: ClassifierConfig, tasks: tuple[Task, ...], encoder: Any) -> None:
        super().__init__()
        self.config, self.tasks = config, tasks
        # Until it is calibrated it is sure of nothing.
        self.calibrations = uncalibrated(tasks)
        self.encoder = encoder
        channels: int = encoder.config.hidden_sizes[-1]
        self.view_pool = AttentionPool(channels)
        self.text = _text_branch(config)
        self.no_image_D = nn.Parameter(torch.zeros(channels))
        self.trunk = nn.Sequential(
            nn.Linear(channels + self.text.width, config.trunk_width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.trunk_width, config.embedding_width),
        )
        # The heads of all tasks, side by side: one product of matrices, however many there are.
        self.heads = nn.Linear(config.embedding_width, sum(len(task.classes) for task in tasks))
        self.register_buffer("mean_C", torch.tensor(CHANNEL_MEAN) * 255, persistent=False)
        self.register_buffer("deviation_C", torch.tensor(CHANNEL_DEVIATION) * 255, persistent=False)

    def forward(self, batch: Batch) -> Output:
        """Return logits and embedding of every product of the batch."""
        features_BD = torch.cat([self._images(batch), self.text(batch)], dim=1)
        embedding_BE = F.normalize(self.trunk(features_BD).float(), dim=1)
        # A unit vector's entries shrink with its width; the heads see them at unit size.
        scaled_BE = embedding_BE * self.config.embedding_width**0.5
        return Output(self.heads(scaled_BE).float(), embedding_BE)

    def of_tasks(self, logits_BS: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return each task's logits (B, C)."""
        return logits_BS.split([len(task.classes) for task in self.tasks], dim=1)

    @property
    def encoder_parts(self) -> list[nn.Module]:
        """The image encoder's stages from the top, then what lies below the first."""
        return [*reversed(self.encoder.encoder.stages), self.encoder.embedder]

    def thaw(self, count: int) -> None:
        """Let the first `count` encoder parts learn; the others, with their batch norms, do not."""
        for number, part in enumerate(self.encoder_parts):
            part.requires_grad_(number < count)
            part.train(number < count)

    def _images(self, batch: Batch) -> torch.Tensor:
        if not len(batch.view_owner_V):
            return self.no_image_D.expand(len(batch), -1)
        pixels_VHWC = (batch.pixels_VHWC - self.mean_C) / self.deviation_C
        view_VD = self.encoder(pixels_VHWC.permute(0, 3, 1, 2)).pooler_output.flatten(1).float()
        image_BD = self.view_pool(view_VD, batch.view_owner_V, len(batch))
        # torch.bincount would wait for a GPU, to see how many numbers there are.
        one_V = torch.ones_like(batch.view_owner_V)
        view_count_B = one_V.new_zeros(len(batch)).index_add(0, batch.view_owner_V, one_V)
        return torch.where(view_count_B[:, None] > 0, image_BD, self.no_image_D)


class AttentionPool(nn.Module):
    """One vector from any number of views: a softmax over the views of each product.

    The order of the views has no influence; a product without views gets zeros.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Linear(channels, 1)
        nn.init.zeros_(self.score.weight)

    def forward(self, view_VD: torch.Tensor, owner_V: torch.Tensor, row_count: int) -> torch.Tensor:
        """Return the pooled views, float (row_count, D)."""
        score_V = self.score(view_VD).squeeze(1).float()
        highest_B = score_V.new_full((row_count,), -torch.inf)
        highest_B = highest_B.scatter_reduce(0, owner_V, score_V.detach(), "amax")
        weight_V = torch.exp(score_V - highest_B[owner_V])
        total_B = score_V.new_zeros(row_count).index_add(0, owner_V, weight_V)
        share_V = weight_V / total_B[owner_V]
        pooled_BD = view_VD.new_zeros(row_count, view_VD.shape[1])
        return pooled_BD.index_add(0, owner_V, share_V[:, None] * view_VD)


class TextEncoder(nn.Module):
    """The sum of the n-grams' vectors over the root of their number, normalised."""

    def __init__(self, bucket_count: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.bag = nn.EmbeddingBag(bucket_count, width, mode="sum")
        self.norm = nn.LayerNorm(width)
        self.no_text_D = nn.Parameter(torch.zeros(width))
        nn.init.normal_(self.bag.weight, std=0.1)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Return float (B, D); rows without an n-gram get the learnt vector for no text."""
        end = batch.text_start_B.new_tensor([len(batch.buckets_T)])
        count_B = torch.diff(batch.text_start_B, append=end)
        sum_BD = self.bag(batch.buckets_T, batch.text_start_B)
        text_BD = self.norm(sum_BD / count_B.clamp(min=1).sqrt()[:, None])
        return torch.where(count_B[:, None] > 0, text_BD, self.no_text_D)


class SentenceBranch(nn.Module):
    """The vectors of a pretrained sentence encoder, which came with the batch, normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.norm = nn.LayerNorm(width)
        self.no_text_D = nn.Parameter(torch.zeros(width))

    def forward(self, batch: Batch) -> torch.Tensor:
        """Return float (B, D); rows of zeros get the learnt vector for no text."""
        has_text_B = batch.sentence_BW.any(1, keepdim=True)
        return torch.where(has_text_B, self.norm(batch.sentence_BW), self.no_text_D)


def _text_branch(config: ClassifierConfig) -> TextEncoder | SentenceBranch:
    if not config.text_pretrained:
        return TextEncoder(config.text_buckets, config.text_width)
    return SentenceBranch(opened(config.text_pretrained).width)


def new_encoder(config: ClassifierConfig) -> ResNetModel:
    """Return an encoder with random weights, or the pretrained one that the configuration names.

    Raises
    ------
    BadArgumentError
        If there is no readable safetensors model at `config.pretrained`.
    """
    if not config.pretrained:
        return ResNetModel(
            ResNetConfig(
                embedding_size=config.stem_channels,
                hidden_sizes=list(config.stage_channels),
                depths=list(config.stage_depths),
                layer_type=config.block,
            )
        )
    logging.disable_progress_bar()
    try:
        return ResNetModel.from_pretrained(
            config.pretrained,
            use_safetensors=True,  # the other format is a pickle
            local_files_only=Path(config.pretrained).is_dir(),
        )
    except (OSError, ValueError) as error:
        raise BadArgumentError(
            f"no pretrained image encoder at '{config.pretrained}': {str(error).splitlines()[0]}"
            " Give the folder or hub name of a transformers ResNet kept as safetensors"
        ) from None
