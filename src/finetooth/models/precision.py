"""The number format in which products are faster on this machine: measured, never read from a processor's flags.

A processor without its own bfloat16 products is slower in bfloat16 than in float32.
"""

import time
from typing import Literal

import torch
from torch.nn import functional

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
PROBE_TOKENS, PROBE_WIDTH, PROBE_ROUNDS = 1024, 768, 10  # a product of the size that small encoders have
WORTH = 1.3  # bfloat16 is chosen from this many times the speed of float32 on: other parts of a step gain nothing


def choose(precision: Literal["auto", "float32", "bfloat16"]) -> Literal["float32", "bfloat16"]:
    """The precision that the recipe names; for auto, bfloat16 if its product is WORTH times as fast, else float32.

    The formats take turns, and the fastest of PROBE_ROUNDS products counts for each, so that other work at the same
    time changes nothing. It takes about a tenth of a second.
    """
    if precision != "auto":
        return precision
    least = dict.fromkeys(DTYPES, float("inf"))
    operands = {
        name: [torch.ones(rows, PROBE_WIDTH, dtype=dtype) for rows in (PROBE_TOKENS, PROBE_WIDTH)]
        for name, dtype in DTYPES.items()
    }
    for turn in range(PROBE_ROUNDS):
        if turn == 2 and least["bfloat16"] > least["float32"]:
            break  # far slower, as where torch has no kernel for it
        for name, (inputs, weight) in operands.items():
            began = time.perf_counter()
            functional.linear(inputs, weight)
            least[name] = min(least[name], time.perf_counter() - began)
    return "bfloat16" if least["float32"] > WORTH * least["bfloat16"] else "float32"
