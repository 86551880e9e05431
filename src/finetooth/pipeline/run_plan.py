"""The plan of a run: everything besides the recipe that decides the results, resolved once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from finetooth.data.examples import rows_id
from finetooth.errors import ModelError, RecipeError
from finetooth.files import sha256_file
from finetooth.models.batching import Tokens
from finetooth.pipeline import resources
from finetooth.pipeline.preparation import Material, faults_of, lengths_of, split_of
from finetooth.recipe import Recipe
from finetooth.row_kinds import row_kind
from finetooth.runs.memory import free_bytes
from finetooth.runs.plan_file import BasePlan, CandidatePlan, ModelPlan, OtherBase, Plan, Precision
from finetooth.runs.work import SPLITS
from finetooth.sources import Source

if TYPE_CHECKING:  # torch is imported for the plan, after the data was read
    from finetooth.models.loading import Base


def resolve(
    recipe: Recipe,
    material: Material,
    tokens: Mapping[str, Tokens],
    *,
    other_tokens: Mapping[str, Mapping[str, Tokens]] | None = None,
    free_disk: int = 2**62,
    exact: bool = False,
) -> Plan:
    """The plan, before it belongs to a run: everything besides the recipe that decides the results.

    tokens: of the recipe's model, by split. other_tokens: of other models, by the name of the probe that reads them.
    free_disk: bytes free on the disk of the run. exact: no row is computed by the inference pass.

    Raises: ModelError when a candidate's targets match nothing, or the checkpoint lacks a part of an encoder layer;
    RecipeError for a row that cannot be trained on the device.
    """
    from finetooth.models import device
    from finetooth.models.batching import EVALUATION_BUDGET

    dataset, on_gpu = material.dataset, recipe.training.device == "cuda"
    plan = Plan(
        device=device.facts() | {"finetooth": version("finetooth")} | (device.gpu_facts() if on_gpu else {}),
        data_fingerprint=dataset.fingerprint,
        test_id=dataset.test_id,
        test_rows_id=rows_id(dataset.test, classes=dataset.classes, task=material.task),
        task=material.task.name,
        classes=tuple(dataset.classes),
        counts={split: len(split_of(dataset, split)) for split in SPLITS},
        pairs=dataset.train.pairs is not None,
        evaluation_budget=EVALUATION_BUDGET,
        exact=exact,
        other_bases=_other_bases(material, other_tokens or {}),
    )
    if material.model is None:
        return plan
    base = sound_base(material.model.path, dataset.classes)
    room = device.gpu_bytes() if on_gpu else free_bytes()
    candidates = _candidates(recipe, base, train_rows=plan.counts["train"])
    if on_gpu:
        _refuse_padded(candidates)
    precision, inference = _precisions(recipe, candidates, exact=exact)
    model = ModelPlan(
        base=_identity(material.model, base),
        token_budget=resources.token_budget(base.model.config, recipe, free_bytes=room),
        tokens={split: lengths_of(split_tokens) for split, split_tokens in tokens.items()},
        precision=precision,
    )
    states = resources.cache_plan(
        recipe,
        candidates,
        {split: split_tokens for split, split_tokens in tokens.items() if split != "test" or inference == "plain"},
        counts=plan.counts,
        width=model.base.width,
        budget=EVALUATION_BUDGET,
        free_bytes=free_disk,
    )
    return replace(plan, model=model, candidates=candidates, inference=inference, frozen_layer_states=states)


def sound_base(folder: Path, classes: Sequence[str]) -> "Base":
    """The base in a staged folder, with a head over the classes, drawn with seed 0.

    Raises: ModelError, as load_base; when the checkpoint lacks a part of an encoder layer.
    """
    from finetooth.models.adapters import layer_of
    from finetooth.models.loading import load_base

    base = load_base(folder, classes=classes, head_seed=0)
    for name in base.head_modules:
        # Only the head may be new: a new layer inside the encoder would hold random weights.
        if layer_of(f"{name}.") is not None:
            raise ModelError(
                f"the base model: the checkpoint is incomplete: it lacks {name}, a part of an encoder layer. Name a "
                "complete copy of the model."
            )
    return base


def _candidates(recipe: Recipe, base: "Base", *, train_rows: int) -> dict[str, CandidatePlan]:
    from finetooth.models import adapters

    plan = {
        candidate.name: resources.candidate_plan(
            base.model.config,
            candidate,
            recipe.training,
            targets=adapters.match(base, targets=candidate.targets, layers=candidate.layers),
            train_rows=train_rows,
        )
        for candidate in recipe.candidates
    }
    for name in recipe.baseline_rows:
        if row_kind(name).trained:  # all of its parameters
            reason = "all parameters are trained"
            plan[name] = CandidatePlan(targets=(), fallback_reason=reason, depth=0, frozen_depth=0)
    return plan


def _other_bases(material: Material, tokens: Mapping[str, Mapping[str, Tokens]]) -> dict[str, OtherBase]:
    """The models of other probes in the plan: the identity of each, and the lengths of the texts in its tokens."""
    bases = {}
    for row, source in material.other_models.items():
        with faults_of(row):
            identity = _identity(source, sound_base(source.path, material.dataset.classes))
        lengths = {split: lengths_of(split_tokens) for split, split_tokens in tokens[row].items()}
        bases[row] = OtherBase(base=identity, tokens=lengths)
    return bases


def _identity(source: Source, base: "Base") -> BasePlan:
    from finetooth.models.loading import base_tensors, hash_tensors

    return BasePlan(
        id=source.id,
        sha256=source.sha256,
        weights_sha256=hash_tensors(base_tensors(base)),
        tokenizer_sha256=sha256_file(source.path / "tokenizer.json"),
        head=base.head,
        layers=base.model.config.num_hidden_layers,
        width=base.model.config.hidden_size,
    )


def _precisions(
    recipe: Recipe, candidates: Mapping[str, CandidatePlan], *, exact: bool
) -> tuple[Literal["float32", "bfloat16"], Precision]:
    """The number format of the matrix products of training without padding, and that of inference.

    The format of training is float32 if every candidate is trained with padding.
    """
    from finetooth.models import precision

    faster = precision.choose(recipe.training.precision)
    inference: Precision = "plain" if exact else faster
    if all(candidate.fallback_reason for candidate in candidates.values()):
        return "float32", inference
    on_gpu = recipe.training.device == "cuda"
    return "bfloat16" if on_gpu else faster, inference  # the attention kernel on a GPU takes no float32


def _refuse_padded(candidates: Mapping[str, CandidatePlan]) -> None:
    """Check that every row can be trained without padding, which training on a GPU needs.

    Raises: RecipeError otherwise.
    """
    padded = [f"{name} ({because})" for name, plan in candidates.items() if (because := plan.fallback_reason)]
    if padded:
        raise RecipeError(
            f"training.device: cuda needs training without padding, which these rows rule out: {', '.join(padded)}. "
            "Change or remove them, or set training.device: cpu."
        )
