"""Texts as vectors of a pretrained sentence encoder: frozen, so each text is read once.

The vector is the mean of the last layer over the text's tokens, as sentence-transformers takes it
(Reimers and Gurevych 2019, "Sentence-BERT", section 3).
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from vitrine.errors import BadArgumentError

LONGEST = 256
"""Tokens of a text that are read: a name and some lines of description."""
BATCH_SIZE = 64


class SentenceEncoder:
    """A frozen transformer and its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.width: int = model.config.hidden_size
        positions = getattr(model.config, "max_position_embeddings", LONGEST)
        self._longest = min(LONGEST, positions, tokenizer.model_max_length)

    @classmethod
    def read(cls, name: str) -> "SentenceEncoder":
        """Read a folder, or fetch a hub's model by its name.

        Raises
        ------
        BadArgumentError
            If there is none with safetensors, a tokenizer and a token that fills up short texts.
        """
        logging.disable_progress_bar()
        is_local = Path(name).is_dir()
        try:
            # use_safetensors: the other format is a pickle.
            model = AutoModel.from_pretrained(name, use_safetensors=True, local_files_only=is_local)
            tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=is_local)
        except (OSError, ValueError) as error:
            raise _refused(name, str(error).splitlines()[0]) from None
        if tokenizer.pad_token is None:
            raise _refused(name, "its tokenizer has no padding token.")
        return cls(model, tokenizer)

    def save(self, folder: Path) -> None:
        """Write what `read` reads into a folder, which is made: safetensors and JSON."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def to(self, device: torch.device) -> "SentenceEncoder":
        """Move to a device, and return self."""
        self.model.to(device)
        return self

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return one vector a text, float32 (N, width); zeros for a text without a word."""
        vectors = np.zeros((len(texts), self.width), np.float32)
        written = [n for n, text in enumerate(texts) if text.strip()]
        # Texts of like length together need little filling up.
        written.sort(key=lambda n: len(texts[n]))
        for start in range(0, len(written), BATCH_SIZE):
            rows = written[start : start + BATCH_SIZE]
            vectors[rows] = self._means([texts[n] for n in rows]).cpu().numpy()
        return vectors

    def _means(self, texts: list[str]) -> torch.Tensor:
        """Return the mean over the tokens of each text, those that fill it up left out."""
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
        ).to(self.model.device)
        token_BTW = self.model(**tokens).last_hidden_state.float()
        is_token_BT = tokens["attention_mask"][:, :, None].to(token_BTW.dtype)
        return (token_BTW * is_token_BT).sum(1) / is_token_BT.sum(1)


@lru_cache(maxsize=2)
def opened(name: str) -> SentenceEncoder:
    """Read an encoder, or return the one that was read before under this name."""
    return SentenceEncoder.read(name)


def _refused(name: str, reason: str) -> BadArgumentError:
    return BadArgumentError(
        f"no pretrained sentence encoder at '{name}': {reason} Give the folder or hub name of a"
        " transformers model with its tokenizer, kept as safetensors"
    )
