"""Tiny random models of the common families, and which of them Finetooth accepts."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

import tiny
from finetooth.errors import ModelError

WIDTH, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 4, 64, 64
ACCEPTED = ("bert", "distilbert", "roberta", "xlm-roberta", "camembert", "electra")
# What a user meets most often of the others: the work list. One that is accepted leaves it in the same commit.
WANTED = ("mpnet", "deberta-v2", "modernbert", "gpt2", "llama")
_OWN: dict[str, dict[str, Any]] = {
    "distilbert": {
        "dim": WIDTH,
        "n_layers": LAYERS,
        "n_heads": HEADS,
        "hidden_dim": INNER,
        "max_position_embeddings": POSITIONS,
    },
    # Their positions begin behind that of padding.
    "roberta": {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1},
    "xlm-roberta": {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1},
    "camembert": {"max_position_embeddings": POSITIONS + 2, "type_vocab_size": 1},
    "mpnet": {"max_position_embeddings": POSITIONS + 2},
    "electra": {"embedding_size": WIDTH // 2},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False},
    "modernbert": {"local_attention": 16, "global_attn_every_n_layers": 2},
    "gpt2": {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_inner": INNER, "n_positions": POSITIONS},
}
_PADDED_BY_1 = ("roberta", "xlm-roberta", "camembert", "mpnet")  # the number of their published padding tokens
_COMMON = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": INNER,
    "max_position_embeddings": POSITIONS,
}


def every_family() -> list[Any]:
    """Parameters of a test that every family is to pass; those that are not accepted yet fail it, each strictly."""
    refused = pytest.mark.xfail(strict=True, raises=ModelError, reason="not accepted yet")
    return [*ACCEPTED, *(pytest.param(family, marks=refused) for family in WANTED)]


def save_model(folder: Path, family: str) -> Path:
    """A folder with an encoder of `family` without a head, with random weights, and the tokenizer of tests/tiny.py."""
    folder.mkdir(parents=True, exist_ok=True)
    late = family in _PADDED_BY_1
    special = [tiny.SPECIAL[1], tiny.SPECIAL[0], *tiny.SPECIAL[2:]] if late else tiny.SPECIAL
    vocabulary = tiny.save_tokenizer(folder, special)
    own = _OWN.get(family, {})
    sizes = own if family in ("distilbert", "gpt2") else _COMMON | own
    settings = transformers.AutoConfig.for_model(family, vocab_size=vocabulary, pad_token_id=int(late), **sizes)
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(settings)
    tiny.save_spread(model, folder)
    return folder
