"""A model in memory with all that belongs to it: an artifact is saved from it, and loaded as one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.decisions import Decision
from finetooth.models import plain_pass
from finetooth.models.agreement import Measured
from finetooth.models.batching import EVALUATION_BUDGET, Input, Tokens
from finetooth.models.frozen_layer_cache import FrozenLayerCache


@dataclass(frozen=True, slots=True)
class TextModel:
    """A torch model with its tokenizer, its labels and the decision by which its logits become answers.

    classes: label names in the order of the logits. name: what it was loaded from, or its row. measured: whether the
    inference pass may be used. moved: whether that was measured on another machine or set-up.
    """

    model: Any
    tokenizer: Any
    classes: tuple[str, ...]
    input: Input
    name: str
    decision: Decision = field(default_factory=Decision)
    measured: Measured = field(default_factory=Measured)
    moved: bool = False

    def tokenize(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Tokens:
        """Tokens of texts, or of texts and their pairs, as in training. Raises: DataError, as Input.tokenize."""
        return self.input.tokenize(self.tokenizer, texts, pairs, name=self.name)

    def logits(
        self,
        tokens: Tokens,
        *,
        budget: int = EVALUATION_BUDGET,
        states: FrozenLayerCache | None = None,
        advance: Callable[[int], None] = lambda count: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, C) float32 of every row of `tokens` by the model's own pass, before the decision.

        budget, states, advance: as in plain_pass.logits.
        """
        pad_id = self.tokenizer.pad_token_id
        return plain_pass.logits(self.model, tokens, pad_id=pad_id, budget=budget, states=states, advance=advance)
