"""Whether the tensors of a checkpoint have the sizes that its config.json claims, before any of them is allocated."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from finetooth.untrusted.rules import Problem

Shapes = Mapping[str, tuple[int, ...]]

# Ending of a tensor's name -> the keys of config.json that are its shape, by family.
_SIZES: dict[str, dict[str, tuple[str, ...]]] = {
    "bert": {
        "embeddings.word_embeddings.weight": ("vocab_size", "hidden_size"),
        "embeddings.position_embeddings.weight": ("max_position_embeddings", "hidden_size"),
        "embeddings.token_type_embeddings.weight": ("type_vocab_size", "hidden_size"),
        "attention.self.query.weight": ("hidden_size", "hidden_size"),
        "attention.self.key.weight": ("hidden_size", "hidden_size"),
        "attention.self.value.weight": ("hidden_size", "hidden_size"),
        "attention.output.dense.weight": ("hidden_size", "hidden_size"),
        "intermediate.dense.weight": ("intermediate_size", "hidden_size"),
    },
    "distilbert": {
        "embeddings.word_embeddings.weight": ("vocab_size", "dim"),
        "embeddings.position_embeddings.weight": ("max_position_embeddings", "dim"),
        "attention.q_lin.weight": ("dim", "dim"),
        "attention.k_lin.weight": ("dim", "dim"),
        "attention.v_lin.weight": ("dim", "dim"),
        "attention.out_lin.weight": ("dim", "dim"),
        "ffn.lin1.weight": ("hidden_dim", "dim"),
        "ffn.lin2.weight": ("dim", "hidden_dim"),
    },
}
_LAYERS = {"bert": "num_hidden_layers", "distilbert": "n_layers"}
_WIDTH_AND_HEADS = {"bert": ("hidden_size", "num_attention_heads"), "distilbert": ("dim", "n_heads")}
_LAYER = re.compile(r"(?:^|\.)layer\.(\d{1,6})\.")
# A layer of either family has 16 tensors; embeddings, a pooler and heads of pre-training have fewer than these.
_TENSORS_OF_A_LAYER, _TENSORS_BESIDE = 16, 100


def check_sizes(shapes: Shapes, config: Any, *, family: str) -> Iterator[Problem]:
    """A problem for each size of config.json that is not that of the checkpoint's tensors.

    shapes: of every tensor, by name. config: the configuration object or mapping, with all of the family's keys.
    """
    yield from _layers(shapes, int(getattr(config, _LAYERS[family])), key=_LAYERS[family])
    yield from _inside(config, family)
    for ending, keys in _SIZES[family].items():
        wanted = tuple(int(getattr(config, key)) for key in keys)
        names = [name for name in shapes if name.endswith(ending)]
        if not names:
            yield Problem("", "value", f"the checkpoint has no tensor {ending!r}, which a {family} model needs.")
        for name in names:
            for place, (key, size) in enumerate(zip(keys, wanted, strict=True)):
                actual = shapes[name]
                if len(actual) != len(wanted) or actual[place] != size:
                    yield Problem(
                        key, "value",
                        f"key {key!r} is {size:,}, and tensor {name!r} of the checkpoint has the shape {list(actual)}.",
                    )  # fmt: skip


def _inside(config: Any, family: str) -> Iterator[Problem]:
    """Keys that do not fit each other."""
    width, heads = (int(getattr(config, key)) for key in _WIDTH_AND_HEADS[family])
    if width % heads:
        key = _WIDTH_AND_HEADS[family][1]
        yield Problem(key, "value", f"key {key!r} is {heads:,}, which does not divide the width {width:,}.")
    pad, tokens = config.pad_token_id, int(config.vocab_size)
    if pad is not None and pad >= tokens:
        yield Problem("pad_token_id", "value", f"key 'pad_token_id' is {pad:,}, and there are {tokens:,} tokens.")


def _layers(shapes: Shapes, layers: int, *, key: str) -> Iterator[Problem]:
    most = _TENSORS_BESIDE + _TENSORS_OF_A_LAYER * layers
    if len(shapes) > most:
        yield Problem("", "value", f"the checkpoint holds {len(shapes):,} tensors, more than {most:,}.")
    numbers = {int(match[1]) for name in shapes if (match := _LAYER.search(name))}
    if numbers != set(range(layers)):
        yield Problem(key, "value", f"key {key!r} is {layers:,}, and the checkpoint holds {len(numbers):,} layers.")
