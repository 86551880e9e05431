"""What the encoder alone, frozen and without an adapter, makes of texts: one vector for each, in one pass."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from finetooth.model.batching import Tokens, collate, evaluation_batches
from finetooth.model.loading import Base

Feature = Literal["pooler", "first_token", "mean"]


def head_input(base: Base) -> Feature:
    """What the head reads: the pooler's output where the checkpoint brought a pooler, else the first token.

    A pooler that the checkpoint did not fill is drawn at random like the head, so it counts as a part of it.
    """
    pooler = f"{base.model.base_model_prefix}.pooler"
    has = getattr(base.model.base_model, "pooler", None) is not None
    new = any(f"{name}.".startswith(f"{pooler}.") for name in base.head_modules)
    return "pooler" if has and not new else "first_token"


def encode(
    base: Base,
    tokens: Tokens,
    *,
    features: Sequence[Feature],
    pad_id: int,
    budget: int,
    advance: Callable[[int], None] = lambda count: None,
) -> dict[Feature, npt.NDArray[np.float32]]:
    """The features, (N, H) float32 each, of every row of `tokens`, under the fixed plan of evaluation_batches.

    first_token: its last hidden state. mean: of the last hidden states of all real tokens, special ones included.
    advance is called after each micro-batch with its rows.
    """
    plan = evaluation_batches(tokens.lengths, budget)
    found = {name: np.empty((len(tokens.lengths), base.model.config.hidden_size), np.float32) for name in features}
    with torch.inference_mode():
        for rows in plan[:1]:  # a pass thrown away: a process's first is not always bitwise that of its later ones
            base.model.base_model(**collate(tokens, rows[:1], pad_id=pad_id))
        for rows in plan:
            batch = collate(tokens, rows, pad_id=pad_id)
            output = base.model.base_model(**batch)
            for name in features:
                found[name][rows] = _feature(name, output, batch["attention_mask"]).numpy()
            advance(len(rows))
    return found


def _feature(name: Feature, output: Any, mask: torch.Tensor) -> torch.Tensor:
    if name == "pooler":
        pooled: torch.Tensor = output.pooler_output
        return pooled
    hidden: torch.Tensor = output.last_hidden_state
    if name == "first_token":
        return hidden[:, 0]
    weights = mask.to(hidden.dtype)[..., None]
    return (hidden * weights).sum(dim=1) / weights.sum(dim=1)
