"""A forward pass without padding, for tuning: the rows of a micro-batch lie end to end, and each product is made once.

B rows, T tokens of all of them together, H hidden size, r rank (docs/shapes.md).

What it leaves out, each exactly but for rounding (docs/results.md gives the tolerance):
- padding: a product sees real tokens only, attention sees a row, or rows of about one length, at a time;
- LoRA's own products in the forward pass: W + s B A is folded once a step;
- queries and all that follows of tokens whose last hidden state nobody reads: the head reads each row's first;
- gradients below the first trained layer, and those layers themselves where a prefix cache holds what they compute.

Evaluations do not come through here: they are the model's own forward pass (finetooth.model.predictor).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from finetooth.model.batching import Rows, Tokens, cheapest, packed_batches
from finetooth.model.families import FAMILIES, Parts
from finetooth.recipe import Candidate, Training

# What an attention call costs besides its products, in entries of the score matrix: about 0.2 ms at 40 ns an entry.
OVERHEAD_SCORES = 5000

_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class States(Protocol):
    """Hidden states at the entry of layer `depth`, known beforehand for some rows."""

    depth: int

    def holds(self, rows: Rows) -> np.ndarray:
        """Whether the states of each of the rows (B,) are there: (B,) bool."""
        ...

    def read(self, rows: Rows) -> torch.Tensor:
        """The states of rows that are there, end to end: (T, H) float32."""
        ...


def obstacle(config: Any, candidate: Candidate, training: Training) -> str | None:
    """Why a candidate on a model of this configuration cannot be tuned without padding, in words; None: it can."""
    family = FAMILIES.get(config.model_type)
    if family is None:
        return f"model family {config.model_type!r}"
    if getattr(config, family.activation) != "gelu":
        return f"activation {getattr(config, family.activation)!r}"
    if getattr(config, "is_decoder", False):
        return "is_decoder: true"
    if training.base_dropout != 0:
        return "dropout inside the base"
    if candidate.dropout:
        return "dropout of the adapter"
    if candidate.bias == "all":
        return "bias: all"
    return None


class PackedModel:
    """A peft model of a known family, tuned without padding; what `obstacle` allows.

    budget: most tokens computed at a time, in at most `most_abreast` micro-batches side by side. states: hidden states
    known beforehand, or None.
    """

    def __init__(
        self, model: Any, tokens: Tokens, *, budget: int, most_abreast: int = 1, states: States | None = None
    ) -> None:
        self.tokens, self.budget, self.states = tokens, budget, states
        self.most_abreast, self.longest = most_abreast, int(tokens.lengths.max(initial=1))
        self.base = model.get_base_model()
        self.family = FAMILIES[self.base.config.model_type]
        self.heads = int(self.base.config.num_attention_heads)
        layers = [self.family.parts(layer) for layer in self.family.layers(self.base)]
        self.layers = [_Layer(parts, self.heads, last=parts is layers[-1]) for parts in layers]
        trained = [number for number, layer in enumerate(self.layers) if layer.trained]
        self.first_trained = min(trained, default=len(self.layers))
        assert states is None or states.depth <= self.first_trained

    def fold(self) -> None:
        """Take up the adapter's values; to be called after each change of them."""
        for layer in self.layers:
            layer.fold()

    @property
    def abreast(self) -> int:
        """How many micro-batches are computed at a time: no more than the budget has room for at their longest."""
        return max(1, min(self.most_abreast, self.budget // self.longest))

    def split(self, rows: Rows) -> list[Rows]:
        """The micro-batches of one optimizer batch."""
        width = self.base.config.hidden_size
        return packed_batches(rows, self.tokens.lengths, self.budget, abreast=self.abreast, width=width)

    def __call__(self, rows: Rows) -> torch.Tensor:
        """Logits (B, C) float32 of rows in order of length."""
        layout = _Layout(self.tokens.lengths[rows])
        start, hidden = self._enter(rows, layout)
        for number in range(start, len(self.layers)):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number >= self.first_trained):
                hidden = self.layers[number](hidden, layout)
        return self.family.head(self.base, hidden)

    def _enter(self, rows: Rows, layout: "_Layout") -> tuple[int, torch.Tensor]:
        """The first layer to compute, and the hidden states (T, H) it takes."""
        if self.states is None:
            return 0, self._embed(rows)
        held = self.states.holds(rows)
        if held.all():
            return self.states.depth, self.states.read(rows)
        others = self._below(rows[~held])
        if not held.any():
            return self.states.depth, others
        known = self.states.read(rows[held])
        token_held = torch.from_numpy(np.repeat(held, layout.lengths))
        hidden = torch.empty(len(token_held), known.shape[1])
        hidden[token_held], hidden[~token_held] = known, others
        return self.states.depth, hidden

    def _below(self, rows: Rows) -> torch.Tensor:
        assert self.states is not None
        layout = _Layout(self.tokens.lengths[rows])
        with torch.no_grad():
            hidden = self._embed(rows)
            for layer in self.layers[: self.states.depth]:
                hidden = layer(hidden, layout)
        return hidden

    def _embed(self, rows: Rows) -> torch.Tensor:
        starts, ends = self.tokens.starts[rows], self.tokens.starts[rows + 1]
        kept = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
        positions = kept - np.repeat(starts, ends - starts)
        types = np.zeros(len(kept), np.int64) if self.tokens.types is None else self.tokens.types[kept].astype(np.int64)
        ids = self.tokens.ids[kept].astype(np.int64)
        with torch.no_grad():
            return self.family.embed(self.base, *(torch.from_numpy(part) for part in (ids, positions, types)))


class _Layer:
    """One encoder layer over packed rows; the last one ends with each row's first token only."""

    def __init__(self, parts: Parts, heads: int, *, last: bool) -> None:
        self.parts, self.heads, self.last = parts, heads, last
        self.query = _Product([parts.query]) if last else None
        self.inner = _Product([parts.key, parts.value] if last else [parts.query, parts.key, parts.value])
        self.output, self.up, self.down = (_Product([part]) for part in (parts.output, parts.up, parts.down))

    @property
    def products(self) -> Iterator["_Product"]:
        """All of the layer's products."""
        yield from (item for item in (self.query, self.inner, self.output, self.up, self.down) if item is not None)

    @property
    def trained(self) -> bool:
        """Whether anything in it is trained."""
        return any(product.trained for product in self.products)

    def fold(self) -> None:
        """Take up the adapter's values."""
        for product in self.products:
            product.fold()

    def __call__(self, hidden: torch.Tensor, layout: "_Layout") -> torch.Tensor:
        """Hidden states (T, H) after the layer; of the last one (B, H), those of the first tokens."""
        if self.query is None:
            context = _Attention.apply(self.inner(hidden), layout, self.heads)  # type: ignore[no-untyped-call]  # torch's own
        else:
            pairs = self.inner(hidden)
            hidden = hidden[layout.first]
            context = _first_attention(self.query(hidden), pairs, layout, self.heads)
        hidden = self.parts.output_norm(self.output(context).add_(hidden))
        found: torch.Tensor = self.parts.down_norm(self.down(functional.gelu(self.up(hidden))).add_(hidden))
        return found


class _Product:
    """Linear layers over one input, side by side: x (T, k) to (T, n), with LoRA folded into the weights (n, k)."""

    def __init__(self, modules: Sequence[Any]) -> None:
        self.modules = modules
        self.biases = [_linear(module).bias for module in modules]
        self.adapted: list[tuple[Any, int, int]] = []
        end = 0
        for module in modules:
            start, end = end, end + _linear(module).weight.shape[0]
            if hasattr(module, "lora_A"):
                self.adapted.append((module, start, end))
        weights = [_linear(module).weight.detach() for module in modules]
        plain = len(modules) == 1 and not self.adapted
        self.weight = weights[0] if plain else torch.cat(weights)
        self.fixed_bias = None if self._bias_trained() else self._bias()
        self.spans = tuple((start, end, float(module.scaling["default"])) for module, start, end in self.adapted)
        self.factors = [module.lora_A["default"].weight for module, _, _ in self.adapted]
        self.factors += [module.lora_B["default"].weight for module, _, _ in self.adapted]

    @property
    def trained(self) -> bool:
        """Whether any part of it is trained."""
        return bool(self.adapted) or self._bias_trained()

    def fold(self) -> None:
        """weight = W + s B A for each adapted layer."""
        with torch.no_grad():
            for number, (module, start, end) in enumerate(self.adapted):
                inner, outer = self.factors[number], self.factors[len(self.adapted) + number]
                torch.addmm(
                    _linear(module).weight, outer, inner, alpha=self.spans[number][2], out=self.weight[start:end]
                )

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        """inputs: (T, k); gives (T, n)."""
        bias = self._bias() if self.fixed_bias is None else self.fixed_bias
        if not self.adapted:
            return functional.linear(inputs, self.weight, bias)
        found: torch.Tensor = _Folded.apply(  # type: ignore[no-untyped-call]  # torch's own
            inputs, self.weight, bias, self.spans, *self.factors
        )
        return found

    def _bias_trained(self) -> bool:
        return any(bias.requires_grad for bias in self.biases)

    def _bias(self) -> torch.Tensor:
        return self.biases[0] if len(self.biases) == 1 else torch.cat(self.biases)


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
        inputs, weight, *factors = ctx.saved_tensors
        (given,) = gradients
        count = len(ctx.spans)
        inner, outer = factors[:count], factors[count:]
        ranks = [factor.shape[0] for factor in inner]
        low = torch.split(inputs @ torch.cat(inner).t(), ranks, 1)  # z
        parts = [given[:, start:end] for start, end, _ in ctx.spans]
        back = torch.cat(
            [part @ (factor * span[2]) for part, factor, span in zip(parts, outer, ctx.spans, strict=True)], 1
        )
        return (
            given @ weight if ctx.needs_input_grad[0] else None,
            None,
            given.sum(0) if ctx.needs_input_grad[2] else None,
            None,
            *torch.split(back.t() @ inputs, ranks),
            *((part.t() @ z).mul_(span[2]) for part, z, span in zip(parts, low, ctx.spans, strict=True)),
        )


class _Layout:
    """Where the rows of a micro-batch lie, and which of them attention takes together."""

    def __init__(self, lengths: np.ndarray) -> None:
        self.lengths = lengths
        ends = np.cumsum(lengths)
        self.first = torch.from_numpy(ends - lengths)
        sizes = [int(length) for length in lengths]
        bounds = cheapest(sizes, lambda count, longest: count * longest**2 + OVERHEAD_SCORES)
        self.groups = [_Group(sizes[start:end], int(ends[start]) - sizes[start]) for start, end in bounds]
        self.tokens = [group.end - group.start for group in self.groups]


class _Group:
    """Rows that attention takes together, tokens start to end of the micro-batch: as they lie if of one length."""

    def __init__(self, lengths: list[int], start: int) -> None:
        self.start, self.end = start, start + sum(lengths)
        self.rows, self.longest = len(lengths), max(lengths)
        self.index: torch.Tensor | None = None
        self.mask: torch.Tensor | None = None
        if min(lengths) < self.longest:
            real = torch.arange(self.longest) < torch.tensor(lengths)[:, None]
            self.index = real.flatten().nonzero().flatten()
            self.mask = torch.zeros(real.shape).masked_fill_(~real, -torch.inf)[:, None, None]

    def spread(self, packed: torch.Tensor) -> torch.Tensor:
        """(tokens, ...) as (rows, longest, ...), zeros behind shorter rows."""
        if self.index is None:
            return packed.reshape(self.rows, self.longest, *packed.shape[1:])
        padded = packed.new_zeros(self.rows * self.longest, *packed.shape[1:]).index_copy(0, self.index, packed)
        return padded.reshape(self.rows, self.longest, *packed.shape[1:])

    def gather(self, padded: torch.Tensor) -> torch.Tensor:
        """(rows, longest, ...) as (tokens, ...): spread, undone."""
        flat = padded.flatten(0, 1)
        return flat if self.index is None else flat.index_select(0, self.index)


class _Attention(torch.autograd.Function):
    """Softmax attention of each row over itself, from queries, keys and values side by side: (T, 3 H) to (T, H).

    torch's fused kernel for CPUs, called by itself so that each group writes into its part of one buffer.
    """

    @staticmethod
    def forward(ctx: Any, inner: torch.Tensor, layout: _Layout, heads: int) -> torch.Tensor:
        inner = inner.view(len(inner), 3, heads, -1)
        context = inner.new_empty(len(inner), heads, inner.shape[-1])
        kept = []
        for group in layout.groups:
            query, key, value = group.spread(inner[group.start : group.end]).permute(2, 0, 3, 1, 4)
            found, normalizer = _flash(query, key, value, 0.0, False, attn_mask=group.mask)
            context[group.start : group.end] = group.gather(found.transpose(1, 2))
            kept += [found, normalizer]
        ctx.save_for_backward(inner, *kept)
        ctx.layout = layout
        return context.flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inner, *kept = ctx.saved_tensors
        given = gradients[0].view(len(inner), *inner.shape[2:])
        gradient = torch.empty_like(inner)
        for number, group in enumerate(ctx.layout.groups):
            query, key, value = group.spread(inner[group.start : group.end]).permute(2, 0, 3, 1, 4)
            found, normalizer = kept[2 * number : 2 * number + 2]
            back = group.spread(given[group.start : group.end]).transpose(1, 2)
            parts = _flash_backward(back, query, key, value, found, normalizer, 0.0, False, attn_mask=group.mask)
            for place, part in enumerate(parts):
                gradient[group.start : group.end, place] = group.gather(part.transpose(1, 2))
        return gradient.flatten(1), None, None


def _first_attention(query: torch.Tensor, pairs: torch.Tensor, layout: _Layout, heads: int) -> torch.Tensor:
    """Attention of each row's first token over its row: query (B, H), keys and values side by side (T, 2 H)."""
    width = query.shape[1] // heads
    found, rows = [], [group.rows for group in layout.groups]
    for group, asked, pair in zip(
        layout.groups, torch.split(query, rows), torch.split(pairs, layout.tokens), strict=True
    ):
        key, value = group.spread(pair.view(len(pair), 2, heads, width)).permute(2, 0, 3, 1, 4)
        asked = asked.view(len(asked), heads, 1, width)
        found.append(functional.scaled_dot_product_attention(asked, key, value, attn_mask=group.mask).flatten(1))
    return torch.cat(found)
