"""The two forward passes that training knows: without padding where the model and the candidate allow it, else the
model's own, padded."""

from typing import Any, Protocol

import torch

from finetooth.models.batching import Rows, Tokens, collate, micro_batches


class Forward(Protocol):
    """What the loop asks of a forward pass over the training rows. budget: most tokens computed at a time."""

    budget: int

    @property
    def concurrent(self) -> int:
        """How many micro-batches are computed at a time."""
        ...

    def split(self, rows: Rows) -> list[Rows]:
        """The micro-batches of one optimizer batch."""
        ...

    def fold(self) -> None:
        """Use the present trained values from here on; called once before each step."""
        ...

    def __call__(self, rows: Rows) -> torch.Tensor:
        """Logits (B, C) float32 of a micro-batch."""
        ...


class PaddedModel:
    """The model's own forward pass, which dropout and unknown families need: one micro-batch at a time."""

    concurrent = 1

    def __init__(self, model: Any, tokens: Tokens, *, budget: int, pad_id: int) -> None:
        self.model, self.tokens, self.budget, self.pad_id = model, tokens, budget, pad_id

    def split(self, rows: Rows) -> list[Rows]:
        """The micro-batches of one optimizer batch: those that cost least with their padding."""
        return micro_batches(rows, self.tokens.lengths, self.budget)

    def fold(self) -> None:
        """Nothing: the model computes with the trained values themselves."""

    def __call__(self, rows: Rows) -> torch.Tensor:
        """Logits (B, C) float32 of a micro-batch."""
        logits: torch.Tensor = self.model(**collate(self.tokens, rows, pad_id=self.pad_id)).logits.float()
        return logits
