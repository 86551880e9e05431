"""The inference pass: adapter folded into the weights, no padding, float32 or bfloat16, one worker for each core.

The model's own, plain pass (finetooth.models.plain_pass, finetooth.models.features) remains: the reload check
compares it bitwise, and a model that `inference_obstacle` names a reason for has no other
(docs/adr/0016-one-fast-pass.md).

N examples, B rows of a micro-batch, C classes, H hidden size (docs/shapes.md).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from finetooth.families import family_of
from finetooth.models import torch_threads
from finetooth.models.batching import Rows, Tokens, inference_batches
from finetooth.models.features import Feature
from finetooth.models.inference_workers import compute
from finetooth.models.packed import PackedModel, States, model_obstacle
from finetooth.runs.plan_file import Precision

_NO_TOKENS = Tokens(np.empty(0, np.int32), np.zeros(1, np.int64), None, np.empty(0, np.int64))


def inference_obstacle(model: Any) -> str | None:
    """Why the inference pass cannot compute a model, with or without an adapter, in words; None: it can."""
    base = _base(model)
    because = model_obstacle(base.config)
    if because is not None:
        return because
    packed = family_of(base.config).packed
    assert packed is not None  # model_obstacle names the others
    modules = (module for layer in packed.layers(base) for module in packed.parts(layer).linears)
    return next((because for module in modules if (because := _module_obstacle(module)) is not None), None)


def _module_obstacle(module: Any) -> str | None:
    """Why the weights of a linear layer cannot be folded, None: they can."""
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


def _base(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "peft_config") else model


class InferencePass:
    """A model as it is now, ready to compute texts; make another pass after a change of its weights.

    The weights of the layers' products are copied; embeddings, norms and head are the model's own.

    model: in eval mode, one that inference_obstacle has nothing against. dtype: number format of products and of
    attention, float32 or bfloat16; all else is float32. workers: threads that compute, as many as torch's when omitted;
    results do not depend on it.
    """

    def __init__(self, model: Any, *, dtype: torch.dtype, workers: int | None = None) -> None:
        self.precision: Precision = "float32" if dtype == torch.float32 else "bfloat16"
        self._packed = PackedModel(model, _NO_TOKENS, budget=0, dtype=dtype, equal=True)
        self._packed.fold(last=True)
        self._config = _base(model).config
        self._workers = workers

    @property
    def outputs(self) -> int:
        """C, the number of outputs."""
        return int(self._config.num_labels)

    def logits(
        self,
        tokens: Tokens,
        *,
        states: States | None = None,
        advance: Callable[[int], None] = lambda count: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, C) float32 of every row of `tokens`, under the fixed plan of inference_batches.

        states: what the first layers compute, where it is known. advance is called with the rows of each micro-batch
        that is done; what it raises ends the work.
        """
        packed = self._packed.over(tokens, states)
        logits = np.empty((len(tokens.lengths), self.outputs), np.float32)

        def step(rows: Rows) -> int:
            with torch.inference_mode():
                logits[rows] = packed(rows).numpy()
            return len(rows)

        self._compute(tokens, step, advance)
        return logits

    def micro_batch(self, tokens: Tokens) -> npt.NDArray[np.float32]:
        """Logits (B, C) float32 of a few rows in ascending order of length, computed in the caller's thread."""
        with torch.inference_mode():
            logits: npt.NDArray[np.float32] = self._packed.over(tokens)(np.arange(len(tokens.lengths))).numpy()
        return logits

    def _compute(self, tokens: Tokens, step: Callable[[Rows], int], advance: Callable[[int], None]) -> None:
        workers = self._workers or torch_threads.count()
        batches = iter(inference_batches(tokens.lengths))
        compute(batches, step, workers=workers, prepare=torch_threads.compute_alone, advance=advance)

    def features(
        self, tokens: Tokens, *, features: Sequence[Feature], advance: Callable[[int], None] = lambda count: None
    ) -> dict[Feature, npt.NDArray[np.float32]]:
        """The features of every row of `tokens`, (N, H) float32 each, as in finetooth.models.features.encode.

        advance: as in logits.
        """
        packed = self._packed.over(tokens)
        encoded = {name: np.empty((len(tokens.lengths), self._config.hidden_size), np.float32) for name in features}

        def step(rows: Rows) -> int:
            with torch.inference_mode():
                first, mean = packed.pooled(rows, mean="mean" in encoded)
                for name, values in encoded.items():
                    values[rows] = self._feature(name, first, mean).numpy()
            return len(rows)

        self._compute(tokens, step, advance)
        return encoded

    def _feature(self, name: Feature, first: torch.Tensor, mean: torch.Tensor | None) -> torch.Tensor:
        if name == "mean":
            assert mean is not None
            return mean
        pooled: torch.Tensor = self._packed.base.base_model.pooler(first[:, None]) if name == "pooler" else first
        return pooled
