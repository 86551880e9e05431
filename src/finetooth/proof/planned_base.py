"""The base that a run was planned with, or a refusal."""

from pathlib import Path
from typing import Any, Literal

from finetooth.errors import ProofError
from finetooth.model.loading import Base, base_tensors, hash_tensors, load_base
from finetooth.proof.task import Task


def planned(task: Task) -> dict[str, Any]:
    """What the plan says of the base that the task's row reads: its own where it is the probe of another model."""
    plan = task.plan()
    found: dict[str, Any] = plan["other_bases"].get(task.row) or plan["base"]
    return found


def load_planned(task: Task, *, head_seed: int, dropout: float | Literal["model"] = 0.0) -> Base:
    """A clean base over the plan's classes for the task's row, as loading.load_base gives it.

    Raises: ProofError if its weights are not the plan's.
    """
    plan = task.plan()
    base = load_base(Path(task.base_folder), classes=plan["classes"], head_seed=head_seed, dropout=dropout)
    if hash_tensors(base_tensors(base)) != planned(task)["weights_sha256"]:
        raise ProofError(
            f"{task.row}: the base's weights are not those the run was planned with; it was changed since."
        )
    return base
