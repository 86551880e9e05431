"""The linear layers of an encoder layer in training: LoRA folded into the weights, in float32 or in bfloat16.

In bfloat16 a product rounds its inputs and weights to 8 bits, adds up in float32 and rounds its sums again; so do the
gradients of LoRA and of biases. The trained values, the sums of their gradients over micro-batches and the weights that
LoRA is folded into are float32 (docs/adr/0010-products-in-bfloat16.md).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional


class FusedLinear:
    """Linear layers over one input, side by side: x (T, k) to (T, n), with LoRA folded into the weights (n, k).

    dtype: number format of inputs, weights and outputs.
    """

    def __init__(self, modules: Sequence[Any], *, dtype: torch.dtype) -> None:
        self.modules, self.dtype = modules, dtype
        self.biases = [_linear(module).bias for module in modules]
        self.adapted: list[tuple[Any, int, int]] = []
        self.final = False
        end = 0
        for module in modules:
            start, end = end, end + _linear(module).weight.shape[0]
            if hasattr(module, "lora_A"):
                self.adapted.append((module, start, end))
        weights = [_linear(module).weight.detach() for module in modules]
        plain = len(modules) == 1 and not self.adapted
        joined = weights[0] if plain else torch.cat(weights)
        self.weight = joined.to(dtype)
        self.folded = joined if self.adapted else None  # in float32 the same tensor as weight
        self.fixed_bias = None if self._bias_trained() else self._bias()
        self.spans = tuple((start, end, float(module.scaling["default"])) for module, start, end in self.adapted)
        self.factors = [module.lora_A["default"].weight for module, _, _ in self.adapted]
        self.factors += [module.lora_B["default"].weight for module, _, _ in self.adapted]

    @property
    def trained(self) -> bool:
        """Whether any part of it is trained."""
        return bool(self.adapted) or self._bias_trained()

    def fold(self, *, last: bool = False) -> None:
        """weight = W + s B A for each adapted layer.

        last: no other fold and no backward pass will follow, so what only these need is released.
        """
        assert not self.final, "folded with last=True before"
        self.final = last
        with torch.no_grad():
            for number, (module, start, end) in enumerate(self.adapted):
                inner, outer = self.factors[number], self.factors[len(self.adapted) + number]
                assert self.folded is not None
                torch.addmm(
                    _linear(module).weight, outer, inner, alpha=self.spans[number][2], out=self.folded[start:end]
                )
            if self.folded is not None and self.folded is not self.weight:
                self.weight.copy_(self.folded)
        if last:
            self.folded, self.adapted, self.factors, self.spans = None, [], [], ()

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """inputs: (T, k); gives (T, n)."""
        bias = self._bias() if self.fixed_bias is None else self.fixed_bias
        inputs = inputs.to(self.dtype)
        if not self.adapted:
            return functional.linear(inputs, self.weight, bias)
        outputs: torch.Tensor = _Folded.apply(  # type: ignore[no-untyped-call]  # torch's own
            inputs, self.weight, bias, self.spans, *self.factors
        )
        return outputs

    def _bias_trained(self) -> bool:
        return any(bias.requires_grad for bias in self.biases)

    def _bias(self) -> torch.Tensor:
        return (self.biases[0] if len(self.biases) == 1 else torch.cat(self.biases)).to(self.dtype)


def _linear(module: Any) -> Any:
    return module.base_layer if hasattr(module, "lora_A") else module


class _Folded(torch.autograd.Function):
    """y = x (W + s B A)^T + b with gradients for x, b, A and B only.

    With u = g B and z = x A^T: dA = s u^T x, dB = s g^T z. Source: Hu et al. 2021 (arXiv 2106.09685), equation 3.
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        spans: tuple[tuple[int, int, float], ...],
        *factors: torch.Tensor,
    ) -> torch.Tensor:
        ctx.save_for_backward(inputs, weight, *factors)
        ctx.spans = spans
        return torch.addmm(bias, inputs, weight.t())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, weight, *trained = ctx.saved_tensors
        (gradient,) = gradients
        count = len(ctx.spans)
        factors = [factor.to(weight.dtype) for factor in trained]
        inner, outer = factors[:count], factors[count:]
        ranks = [factor.shape[0] for factor in inner]
        low = torch.split(inputs @ torch.cat(inner).t(), ranks, 1)  # z
        parts = [gradient[:, start:end] for start, end, _ in ctx.spans]
        back = torch.cat(
            [part @ (factor * span[2]) for part, factor, span in zip(parts, outer, ctx.spans, strict=True)], 1
        )
        return (
            gradient @ weight if ctx.needs_input_grad[0] else None,
            None,
            gradient.sum(0) if ctx.needs_input_grad[2] else None,
            None,
            *torch.split((back.t() @ inputs).float(), ranks),
            *((part.t() @ z).float().mul_(span[2]) for part, z, span in zip(parts, low, ctx.spans, strict=True)),
        )
