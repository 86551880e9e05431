"""Features of texts: one vector for each, from the frozen encoder without an adapter, in one pass."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from finetooth.families import family_of
from finetooth.models.batching import Rows, Tokens, collate, evaluation_batches
from finetooth.models.loading import Base

_ROWS_AT_ONCE = 4096

Feature = Literal["pooler", "first_token", "mean"]


def head_input(base: Base) -> Feature:
    """The input of the head: the pooler's output if the checkpoint has a pooler, else the first token.

    A pooler that is missing in the checkpoint is drawn at random like the head, so it counts as a part of the head.
    """
    pooler = f"{base.model.base_model_prefix}.pooler"
    has = getattr(base.model.base_model, "pooler", None) is not None
    new = any(f"{name}.".startswith(f"{pooler}.") for name in base.head_modules)
    return "pooler" if has and not new else "first_token"


def encode(
    model: Any,
    tokens: Tokens,
    *,
    features: Sequence[Feature],
    pad_id: int,
    budget: int,
    advance: Callable[[int], None] = lambda count: None,
) -> dict[Feature, npt.NDArray[np.float32]]:
    """The features, (N, H) float32 each, of every row of `tokens`, under the fixed plan of evaluation_batches.

    model: a classifier in eval mode, without an adapter. first_token is its last hidden state, mean that of the last
    hidden states of all tokens except padding. advance: called after each micro-batch with its number of rows.
    """
    plan = evaluation_batches(tokens.lengths, budget)
    encoded = {name: np.empty((len(tokens.lengths), model.config.hidden_size), np.float32) for name in features}
    with torch.inference_mode():
        for rows in plan[:1]:  # discarded: the first pass of a process may differ in its last bits (ADR 5)
            model.base_model(**collate(tokens, rows[:1], pad_id=pad_id))
        for rows in plan:
            for name, values in feature_batch(model, tokens, rows, features=features, pad_id=pad_id).items():
                encoded[name][rows] = values
            advance(len(rows))
    return encoded


def feature_batch(
    model: Any, tokens: Tokens, rows: Rows, *, features: Sequence[Feature], pad_id: int
) -> dict[Feature, npt.NDArray[np.float32]]:
    """The features, (B, H) float32 each, of some rows in one pass; the names are as in `encode`."""
    batch = collate(tokens, rows, pad_id=pad_id)
    with torch.inference_mode():
        output = model.base_model(**batch)
        return {name: _feature(name, output, batch["attention_mask"]).numpy() for name in features}


def head_logits(
    model: Any, first: npt.NDArray[np.float32], head: Mapping[str, torch.Tensor]
) -> npt.NDArray[np.float32]:
    """Logits (N, C) float32 of a head for `first`, the states (N, H) of the first tokens.

    head: tensors by full name. They are copied into the model and stay there.
    """
    own, family = dict(model.named_parameters()), family_of(model.config)
    parts = []
    with torch.inference_mode():
        for name, tensor in head.items():
            assert own[name].shape == tensor.shape, f"{name} has another shape in the model"
            own[name].copy_(tensor)
        for start in range(0, len(first), _ROWS_AT_ONCE):
            rows = torch.from_numpy(first[start : start + _ROWS_AT_ONCE])
            parts.append(family.head_logits(model, rows).numpy())
    return np.concatenate(parts)


def _feature(name: Feature, output: Any, mask: torch.Tensor) -> torch.Tensor:
    if name == "pooler":
        pooled: torch.Tensor = output.pooler_output
        return pooled
    hidden: torch.Tensor = output.last_hidden_state
    if name == "first_token":
        return hidden[:, 0]
    weights = mask.to(hidden.dtype)[..., None]
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
