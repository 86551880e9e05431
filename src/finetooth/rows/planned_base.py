"""The base that a run was planned with: loaded for a row, and named in the artifact that the row saves."""

from collections.abc import Mapping
from typing import Any, Literal

import torch

from finetooth.errors import VerificationError
from finetooth.evaluation.decisions import Decision
from finetooth.models import artifact, device
from finetooth.models.batching import Input
from finetooth.models.loading import Base, base_tensors, hash_tensors, load_base
from finetooth.models.text_model import TextModel
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


def input_of(context: Context) -> Input:
    """The limit of tokens and the truncation of the recipe, and whether texts come in pairs."""
    recipe = context.recipe
    return Input(recipe.max_tokens, recipe.truncation, pairs=context.plan.pairs)


def text_model(context: Context, model: Any, tokenizer: Any, *, decision: Decision) -> TextModel:
    """The row's model with everything that reading texts needs."""
    return TextModel(model, tokenizer, context.plan.classes, input_of(context), context.row, decision)


def save_artifact(
    context: Context,
    trained: TextModel,
    *,
    base: Base,
    more_heads: Mapping[int, Mapping[str, torch.Tensor]] | None = None,
) -> None:
    """Save the model as the row's artifact, on the planned base. more_heads: as artifact.save."""
    planned = context.plan.of_model().base
    artifact.save(
        trained,
        context.folder.adapter,
        base=base,
        base_folder=context.base_folder,
        source=artifact.Provenance(planned.id, planned.sha256),
        weights_sha256=planned.weights_sha256,
        head_seed=context.seed,
        more_heads=more_heads,
    )
