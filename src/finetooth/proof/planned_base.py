"""The base that a run was planned with, or a refusal."""

from pathlib import Path
from typing import Literal

from finetooth.errors import ProofError
from finetooth.model.loading import Base, base_tensors, hash_tensors, load_base
from finetooth.proof.task import Task


def load_planned(task: Task, *, head_seed: int, dropout: float | Literal["model"] = 0.0) -> Base:
    """A clean base over the plan's classes, as loading.load_base gives it.

    Raises: ProofError if its weights are not the plan's.
    """
    plan = task.plan()
    base = load_base(Path(task.base_folder), classes=plan["classes"], head_seed=head_seed, dropout=dropout)
    if hash_tensors(base_tensors(base)) != plan["base"]["weights_sha256"]:
        raise ProofError(
            f"{task.row}: the base's weights are not those the run was planned with; it was changed since."
        )
    return base
