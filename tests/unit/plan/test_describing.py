"""A check as text: what is said of each row that is tuned."""

from typing import Any

from finetooth.plan import describing


def tuned(name: str, **changes: Any) -> dict[str, Any]:
    parameters = {"adapter": 1000, "head": 66, "bias": 0, "base": 0, "trainable": 1066, "total": 50_000}
    return {
        "name": name,
        "parameters": parameters | {"peft_percent": 2.1, "plain_percent": 2.132} | changes.pop("parameters", {}),
        "peak_bytes": 1_200_000_000,
        "steps": 144,
        "train_seconds": 50.0,
        "evaluate_seconds": 10.0,
        "targets": ["bert.layer.0.query", "bert.layer.1.query"],
        "plain_step_seconds": None,
        "padded_because": None,
        "prefix_bytes": 0,
    } | changes


def test_a_candidate_tells_what_it_adapts_and_full_that_it_trains_all() -> None:
    whole = {"adapter": 0, "base": 49_934, "trainable": 50_000, "plain_percent": 100.0, "peft_percent": None}
    full = tuned("full", parameters=whole, targets=[], padded_because="all parameters are trained")
    assert describing._candidates({"candidates": [tuned("r4"), full]}) == (
        "candidate              adapter        head        bias       total      memory\n"
        "r4                       1,000          66           0       1,066     1.20 GB\n"
        "  2.1320 % of all parameters (2.1000 % as peft counts), 144 steps,\n"
        "  about 60 s of tuning\n"
        "  adapts 2 linear layers: 2 query\n"
        "full                         0          66           0      50,000     1.20 GB\n"
        "  100.0000 % of all parameters, 144 steps,\n"
        "  about 60 s of tuning\n"
        "  tuned with padding: all parameters are trained"
    )
