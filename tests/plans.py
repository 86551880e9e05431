"""Plans in which a test says only what it is about."""

from typing import Any

from finetooth.runs.plan_file import BasePlan, CandidatePlan, KeptStates, ModelPlan, Plan, TextLengths


def lengths(**changes: Any) -> TextLengths:
    """Texts of 20 tokens, a quarter of which are cut."""
    values = {"mean": 20.0, "median": 20.0, "longest_whole": 30, "texts": 10, "rows_cut": 0.25, "tokens_cut": 0.1}
    return TextLengths(**(values | changes))


def base(**changes: Any) -> BasePlan:
    """A base with a new head."""
    hashes = dict.fromkeys(("sha256", "weights_sha256", "tokenizer_sha256"), "0" * 64)
    return BasePlan(**({"id": "owner/name", "head": "new", "layers": 2, "width": 32} | hashes | changes))


def model(**changes: Any) -> ModelPlan:
    """What is resolved of a base: 96 tokens at a time, in float32."""
    tokens = dict.fromkeys(("train", "validation", "test"), lengths())
    return ModelPlan(**({"base": base(), "token_budget": 96, "tokens": tokens, "precision": "float32"} | changes))


def candidate(**changes: Any) -> CandidatePlan:
    """A candidate that is trained without padding."""
    return CandidatePlan(**({"targets": (), "fallback_reason": None, "depth": 0, "frozen_depth": 0} | changes))


def kept(blocks: int, size: int) -> KeptStates:
    """Hidden states of so many blocks and bytes."""
    return KeptStates(blocks=blocks, bytes=size)


def plan(**changes: Any) -> Plan:
    """The plan of a run with a model, two classes and 10 rows in each split."""
    values = {
        "run_id": "x",
        "device": {"device": "cpu", "threads": 2},
        "data_fingerprint": "a" * 64,
        "test_id": "b" * 64,
        "test_rows_id": "c" * 64,
        "task": "single_label",
        "classes": ("bad", "good"),
        "counts": {"train": 10, "validation": 10, "test": 10},
        "pairs": False,
        "evaluation_budget": 4096,
        "model": model(),
    }
    return Plan(**(values | changes))
