"""What the pass without padding needs on a GPU: tokens in its memory, and attention that finds the rows by itself.

Row numbers and the ends of rows are copied to it from pinned memory; nothing here waits for it or reads from it.
"""

from typing import Any

import numpy as np
import torch

from finetooth.models.batching import Rows, Tokens

# Limits of the attention kernel: the width of a head is a multiple of WIDTH_STEP, and at most MOST_WIDTH.
WIDTH_STEP, MOST_WIDTH = 8, 256


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A copy of a CPU tensor on the device, without waiting for the copy; on the CPU the tensor itself."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()  # from other memory, the caller would wait for the copy
    return tensor.to(device, non_blocking=True)


class Ends:
    """Where the rows of a micro-batch begin and end, for a kernel that computes all at once; the CPU uses Layout."""

    def __init__(self, lengths: np.ndarray, device: torch.device) -> None:
        self.lengths, self.end, self.longest = lengths, int(lengths.sum()), int(lengths.max())
        starts = np.zeros(len(lengths) + 1, np.int32)
        np.cumsum(lengths, out=starts[1:])
        self.starts = sent(torch.from_numpy(starts), device)  # (B + 1,) int32: where each row begins, and the last ends
        self.first = self.starts[:-1].long()

    def padded(self, hidden: torch.Tensor) -> torch.Tensor:
        """`hidden` itself: there is no padding."""
        return hidden

    def attention(self, inner: torch.Tensor, heads: int) -> torch.Tensor:
        """As finetooth.models.attention.attention: (T, 3 H) to (T, H)."""
        query, key, value = inner.view(len(inner), 3, heads, -1).unbind(1)
        return _kernel(query, key, value, self.starts, self.starts, self.longest, self.longest).flatten(1)

    def first_attention(self, query: torch.Tensor, pairs: torch.Tensor, *, heads: int) -> torch.Tensor:
        """As finetooth.models.attention.first_attention: (B, H) and (T, 2 H) to (B, H)."""
        key, value = pairs.view(len(pairs), 2, heads, -1).unbind(1)
        alone = torch.arange(len(query) + 1, dtype=torch.int32, device=query.device)
        return _kernel(query.view(len(query), heads, -1), key, value, alone, self.starts, 1, self.longest).flatten(1)


def _kernel(*arguments: Any) -> torch.Tensor:
    from torch.nn.attention import varlen  # takes seconds to import, and a CPU does not need it

    context = varlen.varlen_attn(*arguments)
    assert isinstance(context, torch.Tensor)  # it returns a pair only if asked for more
    return context


class HeldTokens:
    """The tokens of a split on a device, where they are looked up by row."""

    def __init__(self, tokens: Tokens, device: torch.device) -> None:
        self.device = device
        # Copied, since torch warns of arrays that cannot be written to.
        self.ids = torch.from_numpy(np.array(tokens.ids)).to(device)
        self.types = None if tokens.types is None else torch.from_numpy(np.array(tokens.types)).to(device)
        self.starts = torch.from_numpy(np.array(tokens.starts)).to(device)

    def look_up(self, rows: Rows, ends: Ends) -> tuple[torch.Tensor, ...]:
        """Ids, positions and types of the rows' tokens end to end, each (T,) int64."""
        # The row of each token. Without output_size, the caller would wait until the device has added up the lengths.
        row = torch.repeat_interleave(ends.starts.diff(), output_size=ends.end)
        positions = torch.arange(ends.end, device=self.device) - ends.first[row]
        index = self.starts[sent(torch.from_numpy(rows), self.device)][row] + positions
        types = torch.zeros_like(positions) if self.types is None else self.types[index].long()
        return self.ids[index].long(), positions, types
