"""Freezing of lower layers during a training (`then: last-K`); their adapters keep what they have learned.

From then on those layers compute the same for a text in every epoch: their states are computed once, stored on disk,
and read by the following steps (docs/adr/0015-frozen-after-an-epoch.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from finetooth.models.adapters import layer_of
from finetooth.models.batching import Rows
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.models.loading import hash_tensors
from finetooth.models.packed import PackedModel
from finetooth.training.gradients import MicroBatchPool


@dataclass(frozen=True, slots=True)
class Freezing:
    """The layers of a candidate that are frozen, and the cache of their states.

    depth: how many encoder layers, from below. cache: from the SHA-256 of the trained tensors in them to the cache of
    the training rows' states.
    """

    depth: int
    cache: Callable[[str], FrozenLayerCache]

    def freeze(
        self, forward: PackedModel, named: Mapping[str, nn.Parameter], pool: MicroBatchPool, *, progress: "Progress"
    ) -> None:
        """Compute the states of the frozen layers; from then on the pass trains and computes only the layers above.

        named: the trained parameters by full name. progress(done, total): called before each group of blocks of states;
        what it raises ends the work, and written blocks stay valid.
        """
        cache = self.cache(_hash_below(named, self.depth))
        forward.fold()
        missing = cache.missing()
        for start in range(0, len(missing), pool.size):
            progress(start, len(missing))
            numbers = missing[start : start + pool.size]
            tasks = [partial(_states, forward, cache.blocks[number], self.depth) for number in numbers]
            # A single task would get all threads, and other bits: idle tasks keep the number of threads of each.
            results = pool.run([*tasks, *[_idle] * (pool.size - len(tasks))])
            for number, states in zip(numbers, results, strict=False):
                cache.write(number, states)
        forward.freeze(cache)


Progress = Callable[[int, int], None]


def _states(forward: PackedModel, rows: Rows, depth: int) -> torch.Tensor:
    """States (T, H) float32 at the entry of layer `depth`, of a block's rows, the longest first."""
    packed = forward.below(rows[::-1], depth)
    lengths = forward.tokens.lengths[rows[::-1]].tolist()
    return torch.cat(list(torch.split(packed, lengths))[::-1])


def _idle() -> None:
    """An idle task."""


def _hash_below(named: Mapping[str, nn.Parameter], depth: int) -> str:
    below = ((name, layer_of(f"{name}.")) for name in named)
    return hash_tensors((name, named[name]) for name, layer in below if layer is not None and layer < depth)
