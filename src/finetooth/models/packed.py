"""A forward pass without padding, for training: the rows of a micro-batch are joined, with one product for all.

B rows, T tokens of all of them together, H hidden size, r rank (docs/shapes.md).

What it does not compute; each omission changes rounding only (docs/results.md gives the tolerance):
- padding: products are over real tokens, attention over one row, or rows of about one length, at a time;
- LoRA's own products in the forward pass: W + s B A is folded once a step;
- in the last layer, queries and all that follows for tokens other than each row's first, which the head reads;
- gradients below the first trained layer, and those layers themselves if a frozen-layer cache has their states.

It computes on the device of the model: on a GPU with tokens that are there too (docs/adr/0011-cuda-tuning.md).

Inference uses it as well, without gradients (finetooth.models.packed_inference).
"""

import copy
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from finetooth.families import Parts, family_of, family_of_type
from finetooth.models.adapters import without_adapter
from finetooth.models.attention import Layout, attention, first_attention
from finetooth.models.batching import Rows, Tokens, packed_batches
from finetooth.models.features import Feature
from finetooth.models.fused_linear import FusedLinear
from finetooth.models.varlen import MOST_WIDTH, WIDTH_STEP, Ends, HeldTokens, sent
from finetooth.recipe import Candidate, Training


class States(Protocol):
    """Hidden states at the entry of layer `depth`, known beforehand for some rows."""

    depth: int

    def holds(self, rows: Rows) -> np.ndarray:
        """Whether the states of each of the rows (B,) are there: (B,) bool."""
        ...

    def read(self, rows: Rows) -> torch.Tensor:
        """The states of such rows, end to end: (T, H) float32."""
        ...


def model_obstacle(config: Any) -> str | None:
    """Why a model of this configuration cannot be computed without padding, in words; None: it can."""
    family = family_of_type(config.model_type)
    if family is None or family.packed is None:
        return f"model family {config.model_type!r}"
    activation = getattr(config, family.packed.activation)
    if activation != "gelu":
        return f"activation {activation!r}"
    if getattr(config, "is_decoder", False):
        return "is_decoder: true"
    return None


def obstacle(config: Any, candidate: Candidate, training: Training) -> str | None:
    """Why a candidate on a model of this configuration cannot be trained without padding, in words; None: it can."""
    reason = model_obstacle(config)
    if reason is not None:
        return reason
    if training.base_dropout != 0:
        return "dropout inside the base"
    if candidate.dropout:
        return "dropout of the adapter"
    if candidate.bias == "all":
        return "bias: all"
    width = config.hidden_size // config.num_attention_heads
    if training.device == "cuda" and (width % WIDTH_STEP or width > MOST_WIDTH):
        return f"attention heads of {width} values"
    return None


class PackedModel:
    """A model of a known family, with or without an adapter, computed without padding; what `obstacle` allows.

    budget: most tokens computed at a time, in at most `most_concurrent` micro-batches. states: hidden states known
    beforehand, or None. dtype: number format of the products and of attention, float32 or bfloat16; hidden states
    between layers and the head are float32. equal: only rows of one length share an attention call.
    """

    def __init__(
        self,
        model: Any,
        tokens: Tokens,
        *,
        budget: int,
        most_concurrent: int = 1,
        states: States | None = None,
        dtype: torch.dtype = torch.float32,
        equal: bool = False,
    ) -> None:
        self.tokens, self.budget, self.states, self.equal = tokens, budget, states, equal
        self.most_concurrent, self.longest = most_concurrent, int(tokens.lengths.max(initial=1))
        self.base = without_adapter(model)
        self.device = next(self.base.parameters()).device
        self.held = None if self.device.type == "cpu" else HeldTokens(tokens, self.device)
        self.coarse = dtype != torch.float32
        self.family = family_of(self.base.config)
        assert self.family.packed is not None  # model_obstacle names the others
        self.packed_family = self.family.packed
        heads = int(self.base.config.num_attention_heads)
        layers = [self.packed_family.parts(layer) for layer in self.packed_family.layers(self.base)]
        self.layers = [_Layer(parts, heads, dtype, last=parts is layers[-1]) for parts in layers]
        trained = (number for number, layer in enumerate(self.layers) for linear in layer.linears if linear.trained)
        self.first_trained = min(trained, default=len(self.layers))
        assert states is None or states.depth <= self.first_trained
        self.first_changing = 0

    def over(self, tokens: Tokens, states: States | None = None) -> "PackedModel":
        """The same layers over other tokens, on the CPU."""
        assert self.held is None and (states is None or states.depth <= self.first_trained)
        other = copy.copy(self)
        other.tokens, other.states, other.longest = tokens, states, int(tokens.lengths.max(initial=1))
        return other

    def fold(self, *, last: bool = False) -> None:
        """Copy the adapter's values; call it after each change of them. last: no other change will follow."""
        for layer in self.layers[self.first_changing :]:
            for linear in layer.linears:
                linear.fold(last=last)

    def freeze(self, states: States) -> None:
        """Train nothing below layer states.depth any more, and read the known states of those layers.

        The layers keep the values that were folded last.
        """
        self.states = states
        self.first_changing = states.depth
        self.first_trained = max(self.first_trained, states.depth)

    def below(self, rows: Rows, depth: int) -> torch.Tensor:
        """Hidden states (T, H) float32 at the entry of layer `depth`, without gradients.

        rows: in ascending order of length.
        """
        layout = self._layout(rows)
        with torch.no_grad():
            hidden = layout.padded(self._embed(rows, layout))
            for layer in self.layers[:depth]:
                hidden = layer(hidden, layout)
        return hidden[: layout.end]

    @property
    def concurrent(self) -> int:
        """How many micro-batches are computed at a time: at most as many as there are longest rows in the budget."""
        return max(1, min(self.most_concurrent, self.budget // self.longest))

    def split(self, rows: Rows) -> list[Rows]:
        """The micro-batches of one optimizer batch."""
        width = self.base.config.hidden_size
        return packed_batches(rows, self.tokens.lengths, self.budget, concurrent=self.concurrent, width=width)

    def __call__(self, rows: Rows) -> torch.Tensor:
        """Logits (B, C) float32 of rows in ascending order of length."""
        logits: torch.Tensor = self.family.head_logits(self.base, self._last_states(rows, self._layout(rows)))
        return logits

    def pooled(self, rows: Rows, *, mean: bool) -> dict[Feature, torch.Tensor]:
        """`first_token` and, where `mean`, also `mean` of the last hidden states of rows in ascending order of length.

        Each (B, H) float32. Only for a model whose groups are `equal`.
        """
        layout = self._layout(rows)
        hidden = self._last_states(rows, layout, every_token=mean)
        if not mean:
            return {"first_token": hidden}
        assert isinstance(layout, Layout)
        parts = [hidden[group.start : group.end].view(group.rows, group.longest, -1) for group in layout.groups]
        return {"first_token": hidden[layout.first], "mean": torch.cat([part.mean(1) for part in parts])}

    def _last_states(self, rows: Rows, layout: Layout | Ends, *, every_token: bool = False) -> torch.Tensor:
        """Hidden states after the last layer: (B, H) of each row's first token, or (T, H) of every token."""
        start, hidden = self._enter(rows, layout)
        hidden = layout.padded(hidden)
        for number in range(start, len(self.layers)):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number >= self.first_trained):
                hidden = self.layers[number](hidden, layout, every_token=every_token)
        return hidden

    def _enter(self, rows: Rows, layout: Layout | Ends) -> tuple[int, torch.Tensor]:
        """The first layer to compute, and the hidden states (T, H) it takes."""
        if self.states is None:
            return 0, self._embed(rows, layout)
        known = self.states.holds(rows)
        if known.all():
            return self.states.depth, sent(self.states.read(rows), self.device)
        others = self.below(rows[~known], self.states.depth)
        if not known.any():
            return self.states.depth, others
        read = sent(self.states.read(rows[known]), self.device)
        known_first = np.argsort(~np.repeat(known, layout.lengths), kind="stable")
        order = sent(torch.from_numpy(np.argsort(known_first)), self.device)
        return self.states.depth, torch.cat([read, others])[order]

    def _layout(self, rows: Rows) -> Layout | Ends:
        lengths = self.tokens.lengths[rows]
        if self.held is None:
            return Layout(lengths, coarse=self.coarse, equal=self.equal)
        return Ends(lengths, self.device)

    def _embed(self, rows: Rows, layout: Layout | Ends) -> torch.Tensor:
        if self.held is not None and isinstance(layout, Ends):
            tokens = self.held.look_up(rows, layout)
        else:
            tokens = self._look_up(rows)
        with torch.no_grad():
            embedded: torch.Tensor = self.packed_family.embed(self.base, *tokens)
        return embedded

    def _look_up(self, rows: Rows) -> tuple[torch.Tensor, ...]:
        """Ids, positions and types of the rows' tokens end to end, each (T,) int64."""
        starts, ends = self.tokens.starts[rows], self.tokens.starts[rows + 1]
        index = np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])
        positions = index - np.repeat(starts, ends - starts)
        types = (
            np.zeros(len(index), np.int64) if self.tokens.types is None else self.tokens.types[index].astype(np.int64)
        )
        ids = self.tokens.ids[index].astype(np.int64)
        return tuple(torch.from_numpy(part) for part in (ids, positions, types))


class _Layer:
    """One encoder layer over packed rows; the last one computes each row's first token only, unless told otherwise."""

    def __init__(self, parts: Parts, heads: int, dtype: torch.dtype, *, last: bool) -> None:
        self.parts, self.heads, self.last = parts, heads, last
        self.query = FusedLinear([parts.query], dtype=dtype) if last else None
        inner = [parts.key, parts.value] if last else [parts.query, parts.key, parts.value]
        self.inner = FusedLinear(inner, dtype=dtype)
        self.output, self.up, self.down = (
            FusedLinear([part], dtype=dtype) for part in (parts.output, parts.up, parts.down)
        )
        self.linears = [self.inner, self.output, self.up, self.down, *([] if self.query is None else [self.query])]

    def __call__(self, hidden: torch.Tensor, layout: Layout | Ends, *, every_token: bool = False) -> torch.Tensor:
        """Hidden states (T, H) after the layer; after the last one (B, H) of first tokens, unless `every_token`."""
        if self.query is None:
            context = attention(self.inner(hidden), layout, self.heads)
        elif every_token:
            context = attention(torch.cat([self.query(hidden), self.inner(hidden)], 1), layout, self.heads)
        else:
            pairs = self.inner(hidden)
            hidden = hidden[layout.first]
            context = first_attention(self.query(hidden), pairs, layout, heads=self.heads)
        hidden = self.parts.output_norm(hidden + self.output(context))
        output: torch.Tensor = self.parts.down_norm(hidden + self.down(functional.gelu(self.up(hidden))))
        return output
