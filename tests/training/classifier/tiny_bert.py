"""A sentence encoder as a hub keeps it: a BERT of two small layers with random weights."""

from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

WORDS = ("blue", "red", "shirt", "boot", "bag", "fine", "number", "##s")
VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS)
WIDTH = 8


def write(folder: Path) -> Path:
    """Write the network and its tokenizer into a folder, and return it."""
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    words = {word: number for number, word in enumerate(VOCABULARY)}
    BertTokenizerFast(vocab=words).save_pretrained(folder)
    return folder
