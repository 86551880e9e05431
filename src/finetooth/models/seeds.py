"""Stateless randomness: every draw has its own seed, made from the recipe's seed and the purpose of the draw.

Resuming needs no generator state, and a change of one draw (the order) does not change the others (the head).
"""

import hashlib

import numpy as np
import torch


def derive(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose, such as derive(21, "order", epoch)."""
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of the training examples in one epoch: (count,) int64, a permutation."""
    return np.random.default_rng(derive(seed, "order", epoch)).permutation(count)


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A torch generator seeded for one purpose."""
    return torch.Generator().manual_seed(derive(seed, *purpose))
