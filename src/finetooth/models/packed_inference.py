"""The inference pass: adapter folded into the weights, no padding, float32 or bfloat16, one worker for each core.

The model's own, plain pass (finetooth.models.plain_pass, finetooth.models.features) is also needed: the reload check
compares it bitwise, and a model with an `inference_obstacle` has no other (docs/adr/0016-one-fast-pass.md).

N examples, B rows of a micro-batch, C classes, H hidden size (docs/shapes.md).
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from finetooth.families import family_of
from finetooth.models import torch_threads
from finetooth.models.adapters import without_adapter
from finetooth.models.batching import Rows, Tokens, inference_batches
from finetooth.models.engine import Batch
from finetooth.models.features import Feature
from finetooth.models.inference_workers import compute
from finetooth.models.packed import PackedModel, States, model_obstacle
from finetooth.models.precision import DTYPES

_NO_TOKENS = Tokens(np.empty(0, np.int32), np.zeros(1, np.int64), None, np.empty(0, np.int64))


def inference_obstacle(model: Any) -> str | None:
    """Why the inference pass cannot compute a model, with or without an adapter, in words; None: it can."""
    base = without_adapter(model)
    reason = model_obstacle(base.config)
    if reason is not None:
        return reason
    packed = family_of(base.config).packed
    assert packed is not None  # model_obstacle names the others
    modules = (module for layer in packed.layers(base) for module in packed.parts(layer).linears)
    return next((reason for module in modules if (reason := _module_obstacle(module)) is not None), None)


def _module_obstacle(module: Any) -> str | None:
    """Why the weights of a linear layer cannot be folded, in words; None: they can."""
    if hasattr(module, "lora_A"):
        if set(module.lora_A) != {"default"} or module.merged or module.disable_adapters:
            return "an adapter that is not attached as usual"
        if module.use_dora.get("default"):
            return "DoRA"
        if module.lora_bias.get("default"):
            return "a bias in the LoRA matrices"
        module = module.base_layer
    if type(module) is not nn.Linear:
        return f"a linear layer of type {type(module).__name__}"
    return "a linear layer without bias" if module.bias is None else None


class InferencePass:
    """A model as it is now, ready to compute texts: an engine. Make another pass after a change of the model's weights.

    The weights of the layers' products are copied; embeddings, norms and head are the model's own. Each thread computes
    batches of its own on one core, so that results depend neither on who computes a batch nor on how many threads
    there are.

    model: in eval mode, without an inference_obstacle. precision: number format of products and of
    attention; all else is float32. outputs: C, the number of outputs.
    """

    def __init__(self, model: Any, precision: Literal["float32", "bfloat16"]) -> None:
        self.precision = precision
        self._packed = PackedModel(model, _NO_TOKENS, budget=0, dtype=DTYPES[precision], equal=True)
        self._packed.fold(last=True)
        self.outputs = int(self._packed.base.config.num_labels)

    @property
    def threads(self) -> int:
        """How many threads compute at a time: as many as torch uses."""
        return torch_threads.count()

    def prepare_thread(self) -> None:
        """Let this thread compute on one core."""
        torch_threads.compute_alone()

    def batches(self, lengths: npt.NDArray[np.int64]) -> list[Rows]:
        """Batches of about INFERENCE_TOKENS tokens without padding, of rows of about one length."""
        return inference_batches(lengths)

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Logits (B, C) float32 of a batch."""
        lengths = batch.lengths
        logits = np.empty((len(lengths), self.outputs), np.float32)
        if len(lengths):
            order = np.argsort(lengths, kind="stable")  # the pass takes rows in ascending order of length
            with torch.inference_mode():
                logits[order] = self._packed.over(_end_to_end(batch, order))(np.arange(len(order))).numpy()
        return logits

    def split_logits(
        self,
        tokens: Tokens,
        *,
        states: States | None = None,
        advance: Callable[[int], None] = lambda count: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, C) float32 of every row of `tokens`, under the fixed plan of inference_batches.

        states: those of the first layers, if they are known. advance: called after each micro-batch with its number of
        rows; what it raises ends the work.
        """
        packed = self._packed.over(tokens, states)
        logits = np.empty((len(tokens.lengths), self.outputs), np.float32)

        def step(rows: Rows) -> None:
            logits[rows] = packed(rows).numpy()

        self._compute(tokens, step, advance)
        return logits

    def features(
        self, tokens: Tokens, *, features: Sequence[Feature], advance: Callable[[int], None] = lambda count: None
    ) -> dict[Feature, npt.NDArray[np.float32]]:
        """The features of every row of `tokens`, (N, H) float32 each, as in finetooth.models.features.encode.

        advance: as in split_logits.
        """
        packed = self._packed.over(tokens)
        width = packed.base.config.hidden_size
        encoded = {name: np.empty((len(tokens.lengths), width), np.float32) for name in features}

        def step(rows: Rows) -> None:
            states = packed.pooled(rows, mean="mean" in encoded)
            if "pooler" in encoded:
                states["pooler"] = packed.base.base_model.pooler(states["first_token"][:, None])
            for name, values in encoded.items():
                values[rows] = states[name].numpy()

        self._compute(tokens, step, advance)
        return encoded

    def _compute(self, tokens: Tokens, step: Callable[[Rows], None], advance: Callable[[int], None]) -> None:
        def counted(rows: Rows) -> int:
            with torch.inference_mode():
                step(rows)
            return len(rows)

        batches = iter(inference_batches(tokens.lengths))
        compute(batches, counted, workers=self.threads, prepare=torch_threads.compute_alone, advance=advance)


def _end_to_end(batch: Batch, order: Rows) -> Tokens:
    """The tokens of a batch without padding, its examples in `order`."""
    lengths, tokens = batch.lengths[order], batch.mask[order].astype(bool)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    types = None if batch.types is None else batch.types[order][tokens].astype(np.uint8)
    return Tokens(batch.ids[order][tokens].astype(np.int32), starts, types, lengths)
