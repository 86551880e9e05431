"""The inference pass: adapter folded into the weights, no padding, float32 or bfloat16, one worker for each core.

The model's own, plain pass (finetooth.model.predictor, finetooth.model.features) remains: the reload check compares it
bitwise, and a model that `inference_obstacle` names a reason for has no other (docs/adr/0016-one-fast-pass.md).

N examples, B rows of a micro-batch, C classes, H hidden size (docs/shapes.md).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from finetooth.families import family_of
from finetooth.model.batching import Rows, Tokens, inference_batches
from finetooth.model.features import Feature
from finetooth.model.inference_workers import compute
from finetooth.model.packed import PackedModel, States, model_obstacle
from finetooth.runs.plan_file import Precision

_NO_TOKENS = Tokens(np.empty(0, np.int32), np.zeros(1, np.int64), None, np.empty(0, np.int64))


def inference_obstacle(model: Any) -> str | None:
    """Why the inference pass cannot compute a model, with or without an adapter, in words; None: it can."""
    base = _base(model)
    because = model_obstacle(base.config)
    if because is not None:
        return because
    way = family_of(base.config).packed
    assert way is not None  # model_obstacle names the others
    modules = (module for layer in way.layers(base) for module in way.parts(layer).products)
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
        micro_batches = ((packed, rows, 0) for rows in inference_batches(tokens.lengths))
        return self._logits(micro_batches, len(tokens.lengths), advance)

    def logits_of_windows(
        self,
        windows: Iterable[Tokens],
        *,
        count: int,
        advance: Callable[[int], None] = lambda count: None,
        stop: Callable[[], None] = lambda: None,
    ) -> npt.NDArray[np.float32]:
        """The same for `count` texts whose tokens come window after window, while earlier ones are computed.

        windows: of INFERENCE_WINDOW texts each, but for the last: then the logits are bitwise those of `logits`.
        stop: called at the end, to end the wait for a window.
        """

        def micro_batches() -> Iterator[tuple[PackedModel, Rows, int]]:
            start = 0
            for tokens in windows:
                packed = self._packed.over(tokens)
                yield from ((packed, rows, start) for rows in inference_batches(tokens.lengths))
                start += len(tokens.lengths)

        return self._logits(micro_batches(), count, advance, stop)

    def _logits(
        self,
        micro_batches: Iterator[tuple[PackedModel, Rows, int]],
        count: int,
        advance: Callable[[int], None],
        stop: Callable[[], None] = lambda: None,
    ) -> npt.NDArray[np.float32]:
        logits = np.empty((count, self._config.num_labels), np.float32)

        def step(micro_batch: tuple[PackedModel, Rows, int]) -> int:
            packed, rows, start = micro_batch
            logits[rows + start] = packed(rows).numpy()
            return len(rows)

        compute(micro_batches, step, workers=self._workers, advance=advance, stop=stop)
        return logits

    def features(
        self, tokens: Tokens, *, features: Sequence[Feature], advance: Callable[[int], None] = lambda count: None
    ) -> dict[Feature, npt.NDArray[np.float32]]:
        """The features, (N, H) float32 each, of every row of `tokens`: as finetooth.model.features.encode defines them.

        advance: as in logits.
        """
        packed = self._packed.over(tokens)
        encoded = {name: np.empty((len(tokens.lengths), self._config.hidden_size), np.float32) for name in features}

        def step(rows: Rows) -> int:
            first, mean = packed.pooled(rows, mean="mean" in encoded)
            for name, values in encoded.items():
                values[rows] = self._feature(name, first, mean).numpy()
            return len(rows)

        compute(iter(inference_batches(tokens.lengths)), step, workers=self._workers, advance=advance)
        return encoded

    def _feature(self, name: Feature, first: torch.Tensor, mean: torch.Tensor | None) -> torch.Tensor:
        if name == "mean":
            assert mean is not None
            return mean
        pooled: torch.Tensor = self._packed.base.base_model.pooler(first[:, None]) if name == "pooler" else first
        return pooled
