"""Check that the tensors of a checkpoint have the sizes in its config.json, before any of them is allocated."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from finetooth.families import Family
from finetooth.rules import Problem

Shapes = Mapping[str, tuple[int, ...]]

_LAYER = re.compile(r"(?:^|\.)layer\.(\d{1,6})\.")
# Every supported family has 16 tensors in a layer, and fewer than 100 in embeddings, pooler and pre-training heads.
_TENSORS_OF_A_LAYER, _OTHER_TENSORS = 16, 100


def check_sizes(shapes: Shapes, config: Any, *, family: Family) -> Iterator[Problem]:
    """Check the sizes in config.json against the tensors, and yield a problem for each difference.

    shapes: of every tensor, by name. config: the configuration object, with all of the family's keys.
    """
    layers = family.key("num_hidden_layers")
    yield from _check_layers(shapes, int(getattr(config, layers)), key=layers)
    yield from _check_keys(config, family)
    for ending, keys in family.sizes.items():
        expected = tuple(int(getattr(config, key)) for key in keys)
        names = [name for name in shapes if name.endswith(ending)]
        if not names:
            yield Problem("", "value", f"the checkpoint has no tensor {ending!r}, which {family.title} models have.")
        for name in names:
            for axis, (key, size) in enumerate(zip(keys, expected, strict=True)):
                actual = shapes[name]
                if len(actual) != len(expected) or actual[axis] != size:
                    yield Problem(
                        key, "value",
                        f"key {key!r} is {size:,}, but tensor {name!r} of the checkpoint has the shape {list(actual)}.",
                    )  # fmt: skip


def _check_keys(config: Any, family: Family) -> Iterator[Problem]:
    """Check keys of config.json against each other."""
    key = family.key("num_attention_heads")
    width, heads = int(getattr(config, family.key("hidden_size"))), int(getattr(config, key))
    if width % heads:
        yield Problem(key, "value", f"key {key!r} is {heads:,}, which does not divide the width {width:,}.")
    pad, tokens = config.pad_token_id, int(config.vocab_size)
    if pad is not None and pad >= tokens:
        yield Problem(
            "pad_token_id", "value", f"key 'pad_token_id' is {pad:,}, but the model has only {tokens:,} tokens."
        )


def _check_layers(shapes: Shapes, layers: int, *, key: str) -> Iterator[Problem]:
    most = _OTHER_TENSORS + _TENSORS_OF_A_LAYER * layers
    if len(shapes) > most:
        yield Problem("", "value", f"the checkpoint has {len(shapes):,} tensors, more than {most:,}.")
    numbers = {int(match[1]) for name in shapes if (match := _LAYER.search(name))}
    if numbers != set(range(layers)):
        yield Problem(key, "value", f"key {key!r} is {layers:,}, but the checkpoint has {len(numbers):,} layers.")
