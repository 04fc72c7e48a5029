"""The network: a shared image encoder, a small text encoder, one embedding, a linear head per task.

Text and images have a branch each, whose ends are added up; so a product that lacks one of them
needs no stand-in for it, and neither can drown the other. Their sum, at unit length, is the product
embedding and what the heads learn from, as in Zalando's Fashion DNA (Bracher et al. 2016); a head
may read the two in another mixture. ADR 27 says what a common trunk cost. The image encoder is
transformers' ResNet.

V views, B products, T n-grams, D channels of an encoder, E width of the embedding, H = W = the
image size; S the buckets of n-grams, and of heads the classes of all tasks side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
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

    image_share: torch.Tensor
    """What images count in an embedding, beside 1 for the text."""
    task_share_K: torch.Tensor
    """What they count in the sum that a task's head reads, which may be another."""
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
        self.view_norm = nn.Sequential(nn.LayerNorm(channels), nn.Dropout(config.image_dropout))
        self.text = _text_encoder(config)
        self.image_branch = Branch(channels, config)
        self.text_branch = Branch(self.text.width, config)
        self.nothing_E = nn.Parameter(torch.ones(config.embedding_width))
        # The heads of all tasks, side by side: one product of matrices, however many there are.
        self.heads = nn.Linear(config.embedding_width, sum(len(task.classes) for task in tasks))
        self.register_buffer("image_share", torch.tensor(config.image_share))
        self.register_buffer("task_share_K", torch.full((len(tasks),), config.image_share))
        self.register_buffer("mean_C", torch.tensor(CHANNEL_MEAN) * 255, persistent=False)
        self.register_buffer("deviation_C", torch.tensor(CHANNEL_DEVIATION) * 255, persistent=False)

    def forward(self, batch: Batch) -> Output:
        """Return logits and embedding of every product of the batch."""
        return self.answer(*self.sides(batch))

    def sides(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what text and images alone say of each product, (B, E) float32 each.

        Rows have unit length, or are zeros where a product does not have the one or the other.
        """
        text_BD, has_text_B = self.text(batch)
        text_BE = self.text_branch(text_BD) * has_text_B[:, None]
        if not len(batch.view_owner_V):
            return text_BE, torch.zeros_like(text_BE)
        return text_BE, self._images(batch)

    def join(
        self,
        text_BE: torch.Tensor,
        image_BE: torch.Tensor,
        image_share: torch.Tensor | None = None,
    ) -> Output:
        """Return logits and embedding of products from what text and images say of them.

        Images count what the network's `image_share` says, or another one.
        """
        sum_BE = text_BE + (self.image_share if image_share is None else image_share) * image_BE
        is_shown_B = sum_BE.any(1, keepdim=True)
        embedding_BE = F.normalize(torch.where(is_shown_B, sum_BE, self.nothing_E), dim=1)
        # A unit vector's entries shrink with its width; the heads see them at unit size.
        scaled_BE = embedding_BE * self.config.embedding_width**0.5
        return Output(self.heads(scaled_BE).float(), embedding_BE)

    def answer(self, text_BE: torch.Tensor, image_BE: torch.Tensor) -> Output:
        """Return the embeddings, and each task's logits with images counting its own share."""
        joined = self.join(text_BE, image_BE)
        logits = list(self.of_tasks(joined.logits_BS))
        for share in self.task_share_K.unique():
            of_share = self.of_tasks(self.join(text_BE, image_BE, share).logits_BS)
            for k in (self.task_share_K == share).nonzero().flatten().tolist():
                logits[k] = of_share[k]
        return Output(torch.cat(logits, dim=1), joined.embedding_BE)

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
        pixels_VHWC = (batch.pixels_VHWC - self.mean_C) / self.deviation_C
        view_VD = self.encoder(pixels_VHWC.permute(0, 3, 1, 2)).pooler_output.flatten(1).float()
        pooled_BD = self.view_norm(self.view_pool(view_VD, batch.view_owner_V, len(batch)))
        # torch.bincount would wait for a GPU, to see how many numbers there are.
        one_V = torch.ones_like(batch.view_owner_V)
        view_count_B = one_V.new_zeros(len(batch)).index_add(0, batch.view_owner_V, one_V)
        return self.image_branch(pooled_BD) * (view_count_B > 0)[:, None]


class Branch(nn.Module):
    """From what one modality shows to its side of the embedding: one hidden layer, and past it."""

    def __init__(self, width: int, config: ClassifierConfig) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.Linear(width, config.hidden_width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden_width, config.embedding_width),
        )
        self.past = nn.Linear(width, config.embedding_width, bias=False)

    def forward(self, shown_BD: torch.Tensor) -> torch.Tensor:
        """Return float32 (B, E), rows of unit length."""
        return F.normalize((self.hidden(shown_BD) + self.past(shown_BD)).float(), dim=1)


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
    """The sum of the n-grams' vectors, each weighted by how rare it was in training (TF-IDF).

    Words and pieces of words are brought to unit length apart, so that the many pieces do not
    drown the few words. N-grams that training did not know say nothing.
    """

    rarity_S: torch.Tensor

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.width, self.dropout = config.text_width, config.ngram_dropout
        # A step touches few of the vectors, so their gradient is sparse.
        self.bag = nn.EmbeddingBag(config.text_buckets, self.width, mode="sum", sparse=True)
        nn.init.zeros_(self.bag.weight)
        self.register_buffer("rarity_S", torch.zeros(config.text_buckets))

    def learn_rarity(self, texts: Sequence[np.ndarray]) -> None:
        """Set each bucket's inverse document frequency, ln((1 + N) / (1 + n)) + 1, of N texts.

        A bucket that none of the texts fills has no weight.
        """
        size = len(self.rarity_S)
        known_S = torch.from_numpy(np.bincount(np.concatenate(texts), minlength=size))
        rarity_S = torch.log((1 + len(texts)) / (1 + known_S.double())) + 1
        self.rarity_S.copy_(torch.where(known_S > 0, rarity_S, 0))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return float (B, D), and which rows have an n-gram that is known, bool (B,)."""
        half_T = torch.zeros_like(batch.buckets_T) + (batch.buckets_T >= len(self.rarity_S) // 2)
        section_T = 2 * self._rows(batch) + half_T
        weight_T = self.rarity_S[batch.buckets_T]
        square_2B = weight_T.new_zeros(2 * len(batch)).index_add(0, section_T, weight_T**2)
        weight_T = weight_T / square_2B.sqrt().clamp(min=1e-6)[section_T]
        weight_T = F.dropout(weight_T, self.dropout, self.training)
        has_text_B = square_2B.reshape(-1, 2).any(1)
        return self.bag(batch.buckets_T, batch.text_start_B, weight_T), has_text_B

    def _rows(self, batch: Batch) -> torch.Tensor:
        """Return the row that each n-gram belongs to, int64 (T,)."""
        end = batch.text_start_B.new_tensor([len(batch.buckets_T)])
        count_B = torch.diff(batch.text_start_B, append=end)
        row_B = torch.arange(len(batch), device=count_B.device)
        return row_B.repeat_interleave(count_B, output_size=len(batch.buckets_T))


class SentenceEncoder(nn.Module):
    """The vectors of a pretrained sentence encoder, which came with the batch, normalised."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.norm = nn.LayerNorm(width)

    def forward(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return float (B, D), and which rows have a text, bool (B,)."""
        return self.norm(batch.sentence_BW), batch.sentence_BW.any(1)


def _text_encoder(config: ClassifierConfig) -> TextEncoder | SentenceEncoder:
    if not config.text_pretrained:
        return TextEncoder(config)
    return SentenceEncoder(opened(config.text_pretrained).width)


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
