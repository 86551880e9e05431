"""Loads the base that a run was planned with."""

from typing import Literal

from finetooth.errors import VerificationError
from finetooth.models import device
from finetooth.models.loading import Base, base_tensors, hash_tensors, load_base
from finetooth.rows.context import Context


def load_planned(context: Context, *, head_seed: int, dropout: float | Literal["model"] = 0.0) -> Base:
    """A clean base over the plan's classes for the context's row, as loading.load_base gives it.

    From here on the process uses the device settings of the plan.
    Raises: VerificationError if its weights are not the plan's.
    """
    device.configure(context.plan.device)
    classes, planned = context.plan.classes, context.plan.base_of(context.row)
    base = load_base(context.base_folder, classes=classes, head_seed=head_seed, dropout=dropout)
    if hash_tensors(base_tensors(base)) != planned.weights_sha256:
        raise VerificationError(
            f"{context.row}: the weights of the base have changed since the run was planned. Restore them, or start "
            "another run with --out."
        )
    return base
