"""A check as text: what is said of each row that is tuned."""

from typing import Any

from finetooth.measure.power import smallest_difference
from finetooth.plan import describing
from finetooth.plan.describing import describe


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


SHARES = (0.05, 0.1, 0.2)


def described(rows):
    return describe(
        {
            "run": "reviews",
            "model": None,
            "data": {
                "classes": ["fresh", "rotten"],
                "counts": {
                    "train": {"fresh": 40, "rotten": 40},
                    "validation": {"fresh": 5, "rotten": 5},
                    "test": {"fresh": rows - 5, "rotten": 5},
                },
                "columns": {},
                "rows": {},
                "notes": [],
            },
            "tokens": {},
            "test_shows": [
                {"discordance": share, "difference": smallest_difference(rows, discordance=share)} for share in SHARES
            ],
            "candidates": [],
            "estimated_seconds": 10.0,
        }
    )


def test_it_tells_the_smallest_difference_that_the_test_rows_show():
    assert (
        "\n\n"
        "Smallest difference of accuracy that 2,620 test rows show (80 % power): 1.25\n"
        "  points between rows that differ on 5 %, 1.76 points between rows that differ\n"
        "  on 10 %, 2.48 points between rows that differ on 20 % of them.\n"
        "\n"
    ) in described(2620)


def test_too_few_test_rows_show_none():
    text = described(40)
    assert "(80 % power): none between rows that differ on 5 %, " in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
