"""Attention over rows that are stored end to end: which rows are computed together, and two ways for a CPU."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from finetooth.models.batching import MOST_GROUPED, cheapest
from finetooth.models.varlen import Ends

# The cost of an attention call besides its products, in entries of the score matrix: about 0.2 ms at 40 ns an entry.
OVERHEAD_SCORES = 5000

# A coarse layout has multiples of these numbers of tokens and row lengths, and one of these numbers of rows.
TOKEN_STEP, LENGTH_STEP = 64, 16
COARSE_COUNTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)

# Entries of the score matrices that are computed at a time if none are kept: 2 MiB in bfloat16, which fits into a
# core's own cache. Rows of 512 tokens take 9.7 ms in parts of this size, 21 ms in one (docs/adr/0016-one-fast-pass.md).
SCORES_AT_ONCE = 2**20

_NOTHING = torch.zeros(1, 1, 1, dtype=torch.bfloat16)  # baddbmm adds it to a product, times 0

_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


class Layout:
    """Where the rows of a micro-batch begin and end, and which of them attention computes together.

    coarse: there are few different shapes, at the price of some padding, since oneDNN makes and keeps a kernel for each
    shape of a bfloat16 product. Then `padding` tokens that belong to no row follow the last one. equal: only rows of
    one length are computed together, so that no group is padded, however many shapes there are.
    """

    def __init__(self, lengths: np.ndarray, *, coarse: bool = False, equal: bool = False) -> None:
        self.lengths, self.end = lengths, int(lengths.sum())
        self.padding = -self.end % TOKEN_STEP if coarse else 0
        ends = np.cumsum(lengths)
        self.first = torch.from_numpy(ends - lengths)
        sizes = [int(length) for length in lengths]
        step = LENGTH_STEP if coarse and not equal else 1
        bounds = _equal_runs(lengths) if equal else _cheapest_bounds(sizes, step, coarse=coarse)
        self.groups = [Group(sizes[start:end], int(ends[start]) - sizes[start], step=step) for start, end in bounds]
        self.tokens = [group.end - group.start for group in self.groups]

    def padded(self, hidden: torch.Tensor) -> torch.Tensor:
        """Hidden states of the rows' tokens, with zeros for `padding` more."""
        return functional.pad(hidden, (0, 0, 0, self.padding)) if self.padding else hidden


def _equal_runs(lengths: np.ndarray) -> list[tuple[int, int]]:
    """Start and end of each run of rows of one length; lengths (B,) ascend."""
    starts = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(lengths)]
    return list(itertools.pairwise(starts))


def _cheapest_bounds(sizes: list[int], step: int, *, coarse: bool) -> list[tuple[int, int]]:
    """Start and end of the groups that cost least with their padding; sizes ascend."""
    counts: Sequence[int] = COARSE_COUNTS if coarse else range(1, MOST_GROUPED + 1)
    return cheapest(
        [_rounded(size, step) for size in sizes],
        lambda count, longest: count * longest**2 + OVERHEAD_SCORES if count in counts else math.inf,
        allowed=lambda count, longest: count <= counts[-1],
    )


def _rounded(size: int, step: int) -> int:
    return size + -size % step


class Group:
    """Rows that attention computes together: tokens start to end of the micro-batch, padded unless of one length.

    step: the padded length is a multiple of it.
    """

    def __init__(self, lengths: list[int], start: int, *, step: int = 1) -> None:
        self.start, self.end = start, start + sum(lengths)
        self.rows, self.longest = len(lengths), _rounded(max(lengths), step)
        self.index: torch.Tensor | None = None
        self.mask: torch.Tensor | None = None
        if min(lengths) < self.longest:
            real = torch.arange(self.longest) < torch.tensor(lengths)[:, None]
            self.index = real.flatten().nonzero().flatten()
            self.mask = torch.zeros(real.shape).masked_fill_(~real, -torch.inf)[:, None, None]

    def spread(self, packed: torch.Tensor) -> torch.Tensor:
        """(tokens, ...) as (rows, longest, ...), with zeros after shorter rows."""
        if self.index is None:
            return packed.reshape(self.rows, self.longest, *packed.shape[1:])
        padded = packed.new_zeros(self.rows * self.longest, *packed.shape[1:]).index_copy(0, self.index, packed)
        return padded.reshape(self.rows, self.longest, *packed.shape[1:])

    def gather(self, padded: torch.Tensor) -> torch.Tensor:
        """(rows, longest, ...) as (tokens, ...): the reverse of spread."""
        flat = padded.flatten(0, 1)
        return flat if self.index is None else flat.index_select(0, self.index)


def attention(inner: torch.Tensor, layout: Layout | Ends, heads: int) -> torch.Tensor:
    """Softmax attention of each row over itself: from queries, keys and values side by side, (T, 3 H), to (T, H)."""
    if isinstance(layout, Ends):
        return layout.attention(inner, heads)
    if inner.dtype != torch.float32 and not torch.is_grad_enabled():
        return _dropped_scores(inner, layout, heads)
    function = _Fused if inner.dtype == torch.float32 else _KeptScores
    context: torch.Tensor = function.apply(inner, layout, heads)  # type: ignore[no-untyped-call]  # torch's own
    return context


class _Fused(torch.autograd.Function):
    """Attention by torch's fused kernel for CPUs; each group writes into its part of one buffer."""

    @staticmethod
    def forward(ctx: Any, inner: torch.Tensor, layout: Layout, heads: int) -> torch.Tensor:
        inner = inner.view(len(inner), 3, heads, -1)
        context = inner.new_empty(len(inner), heads, inner.shape[-1])
        saved: list[torch.Tensor] = []
        for group in layout.groups:
            query, key, value = group.spread(inner[group.start : group.end]).permute(2, 0, 3, 1, 4)
            output, normalizer = _flash(query, key, value, 0.0, False, attn_mask=group.mask)
            context[group.start : group.end] = group.gather(output.transpose(1, 2))
            saved += [output, normalizer]
        ctx.save_for_backward(inner, *saved)
        ctx.layout = layout
        return context.flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inner, *saved = ctx.saved_tensors
        gradient_out = gradients[0].view(len(inner), *inner.shape[2:])
        gradient = torch.empty_like(inner)
        for number, group in enumerate(ctx.layout.groups):
            query, key, value = group.spread(inner[group.start : group.end]).permute(2, 0, 3, 1, 4)
            output, normalizer = saved[2 * number : 2 * number + 2]
            back = group.spread(gradient_out[group.start : group.end]).transpose(1, 2)
            parts = _flash_backward(back, query, key, value, output, normalizer, 0.0, False, attn_mask=group.mask)
            for position, part in enumerate(parts):
                gradient[group.start : group.end, position] = group.gather(part.transpose(1, 2))
        return gradient.flatten(1), None, None


class _KeptScores(torch.autograd.Function):
    """Attention that keeps each group's attention weights; for bfloat16, in which the fused kernel is slower.

    With Q times s: P = softmax(Q K^T), O = P V; dV = P^T dO, dS the gradient of softmax at dO V^T, dQ = s dS K,
    dK = dS^T Q. The weights take 2 h L bytes for each token of a row of L tokens, with h heads.
    """

    @staticmethod
    def forward(ctx: Any, inner: torch.Tensor, layout: Layout, heads: int) -> torch.Tensor:
        inner = inner.view(len(inner), 3, heads, -1)
        context = inner.new_empty(len(inner), heads, inner.shape[-1])
        saved: list[torch.Tensor] = []
        for group in layout.groups:
            query, key, value = _by_head(group, inner)
            scores = torch.bmm(query * _scale(inner), key.transpose(1, 2))
            if group.mask is not None:
                scores.view(group.rows, heads, group.longest, group.longest).add_(group.mask)
            weights = torch.softmax(scores, -1)
            context[group.start : group.end] = group.gather(_by_token(group, torch.bmm(weights, value)))
            saved.append(weights)
        context[layout.end :] = 0
        ctx.save_for_backward(inner, *saved)
        ctx.layout = layout
        return context.flatten(1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inner, *saved = ctx.saved_tensors
        gradient_out = gradients[0].view(len(inner), *inner.shape[2:])
        gradient = torch.empty_like(inner)
        for group, weights in zip(ctx.layout.groups, saved, strict=True):
            query, key, value = _by_head(group, inner)
            back = group.spread(gradient_out[group.start : group.end]).transpose(1, 2).flatten(0, 1)
            reached = torch.bmm(back, value.transpose(1, 2))
            scores = torch._softmax_backward_data(reached, weights, -1, weights.dtype)
            parts = (
                torch.bmm(scores, key).mul_(_scale(inner)),
                torch.bmm(scores.transpose(1, 2), query * _scale(inner)),
                torch.bmm(weights.transpose(1, 2), back),
            )
            for position, part in enumerate(parts):
                gradient[group.start : group.end, position] = group.gather(_by_token(group, part))
        gradient[ctx.layout.end :] = 0
        return gradient.flatten(1), None, None


def _dropped_scores(inner: torch.Tensor, layout: Layout, heads: int) -> torch.Tensor:
    """As _KeptScores, for a pass without a backward pass: SCORES_AT_ONCE score entries at a time, and none kept."""
    inner = inner.view(len(inner), 3, heads, -1)
    context = inner.new_empty(len(inner), heads, inner.shape[-1])
    for group in layout.groups:
        query, key, value = _by_head(group, inner)
        mask = None if group.mask is None else group.mask[:, 0].to(inner.dtype).repeat_interleave(heads, 0)
        step = min(len(query), max(1, SCORES_AT_ONCE // group.longest**2))
        # Scores before and after the softmax, which is up to twice as fast if its length is a multiple of 32.
        scores = inner.new_full((2, step, group.longest, group.longest + -group.longest % 32), -torch.inf)
        output = torch.empty_like(value, memory_format=torch.contiguous_format)
        for part in (slice(start, start + step) for start in range(0, len(query), step)):
            padded, weights = scores[:, : len(query[part])]
            before = padded[..., : group.longest]
            torch.baddbmm(_NOTHING, query[part], key[part].transpose(1, 2), beta=0, alpha=_scale(inner), out=before)
            if mask is not None:
                before.add_(mask[part])
            torch.softmax(padded, -1, out=weights)
            torch.bmm(weights[..., : group.longest], value[part], out=output[part])
        context[group.start : group.end] = group.gather(_by_token(group, output))
    context[layout.end :] = 0
    return context.flatten(1)


def _by_head(group: Group, inner: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Queries, keys and values of a group: each (rows * heads, longest, width)."""
    return tuple(part.flatten(0, 1) for part in group.spread(inner[group.start : group.end]).permute(2, 0, 3, 1, 4))


def _by_token(group: Group, by_head: torch.Tensor) -> torch.Tensor:
    """(rows * heads, longest, width) as (rows, longest, heads, width)."""
    return by_head.view(group.rows, -1, *by_head.shape[1:]).transpose(1, 2)


def _scale(inner: torch.Tensor) -> float:
    return float(inner.shape[-1] ** -0.5)


def first_attention(query: torch.Tensor, pairs: torch.Tensor, layout: Layout | Ends, *, heads: int) -> torch.Tensor:
    """Attention of each row's first token over its row: from query (B, H), keys and values side by side (T, 2 H)."""
    if isinstance(layout, Ends):
        return layout.first_attention(query, pairs, heads=heads)
    width = query.shape[1] // heads
    contexts, rows = [], [group.rows for group in layout.groups]
    for group, queries, pair in zip(
        layout.groups, torch.split(query, rows), torch.split(pairs[: layout.end], layout.tokens), strict=True
    ):
        key, value = group.spread(pair.view(len(pair), 2, heads, width)).permute(2, 0, 3, 1, 4)
        queries = queries.view(len(queries), heads, 1, width)
        contexts.append(functional.scaled_dot_product_attention(queries, key, value, attn_mask=group.mask).flatten(1))
    return torch.cat(contexts)
