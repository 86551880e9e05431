"""What a run needs, resolved once: sources, splits, tokens, and the plan that all its processes follow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from finetooth import data
from finetooth.data import Dataset, Examples
from finetooth.data.examples import rows_id
from finetooth.errors import ModelError, RecipeError, did_you_mean
from finetooth.files import damage, discard, new_directory, sha256_file
from finetooth.models.batching import Tokens, tokenize
from finetooth.models.config_file import load_config, positions
from finetooth.models.tokenizer import check_file_agrees, check_tokenizer, load_file, load_tokenizer
from finetooth.pipeline import resources
from finetooth.progress import Progress
from finetooth.recipe import Recipe
from finetooth.row_kinds import row_kind
from finetooth.runs.layout import RunFolder
from finetooth.runs.memory import free_bytes
from finetooth.runs.plan_file import BasePlan, CandidatePlan, ModelPlan, OtherBase, Plan, Precision, TextLengths
from finetooth.runs.work import SPLITS
from finetooth.sources import Source, data_sources, fetch_data, fetch_model
from finetooth.tasks import DEFAULT

if TYPE_CHECKING:  # torch is imported for the plan, after the data was read
    from finetooth.models.loading import Base


@dataclass(frozen=True, slots=True)
class Material:
    """Sources and splits of a recipe. model is None when no row needs it.

    other_models: the models of probes that name their own, by the name of the row.
    """

    model: Source | None
    data: dict[str, tuple[Source, ...]]
    dataset: Dataset
    other_models: dict[str, Source] = field(default_factory=dict)


def refuse_device(recipe: Recipe) -> None:
    """Check that this machine can train on the device that the recipe names.

    Raises: RecipeError naming what is missing.
    """
    if recipe.training.device != "cuda":
        return
    from finetooth.models import device

    obstacle = device.gpu_obstacle()
    if obstacle is not None:
        least = ".".join(map(str, device.LEAST_CAPABILITY))
        raise RecipeError(
            f"training.device: cuda, but {obstacle}. Set training.device: cpu, or run where a CUDA build of torch "
            f"finds a GPU of compute capability {least} or above."
        )


def gather(recipe: Recipe, *, rejects: Path | None, progress: Progress) -> Material:
    """Fetch the sources and read the splits.

    rejects: the file for rows that cannot be read (on_bad_row: skip).
    Raises: SourceError, DataError; ModelError for an unknown family of models, and when max_tokens is more
    than the model has positions; RecipeError for a class weight or a cost of an unknown label.
    """
    model = fetch_model(recipe.model, progress=progress) if recipe.needs_model else None
    if model is not None:
        refuse_positions(recipe, model.path)  # before the data is fetched, read and tokenized
    others = {row: fetch_model(text, progress=progress) for row, text in recipe.other_models.items()}
    for row, other in others.items():
        with _faults_of(row):
            refuse_positions(recipe, other.path)
    sources = {
        split: tuple(fetch_data(text, progress=progress) for text in texts)
        for split, texts in data_sources(recipe).items()
    }
    files = {split: [source.path for source in listed] for split, listed in sources.items()}
    dataset = data.load(recipe.data, files, task=DEFAULT, rejects=rejects, progress=progress)
    _check_labels(recipe, dataset)
    return Material(model, sources, dataset, others)


def _check_labels(recipe: Recipe, dataset: data.Dataset) -> None:
    """Check that class weights and costs are of labels of the data.

    Raises: RecipeError with the key, the nearest label and the column of the labels.
    """
    weights, costs = recipe.training.class_weights, recipe.decision.costs or {}
    named = [("training.class_weights", label) for label in (weights if isinstance(weights, dict) else ())]
    named += [("decision.costs", label) for label in costs]
    named += [(f"decision.costs.{true}", predicted) for true, row in costs.items() for predicted in row]
    for key, label in named:
        if label not in dataset.classes:
            message = f"{key}: {label!r} is no label of the data.{did_you_mean(label, dataset.classes)}"
            raise RecipeError(f"{message}\n{dataset.label_source}".rstrip())


def tokenize_all(
    recipe: Recipe, material: Material, *, folder: RunFolder, sample: int | None = None, progress: Progress
) -> tuple[dict[str, Tokens], dict[str, dict[str, Tokens]]]:
    """Tokens of every split, by the recipe's model (empty if no row needs it) and by the models of other probes.

    folder: the run, in whose scratch they are stored. sample: as tokenize_splits.
    """
    own: dict[str, Tokens] = {}
    if material.model is not None:
        own = tokenize_splits(recipe, material, folder=folder.tokens(None), sample=sample, progress=progress)
    others = {
        row: tokenize_splits(recipe, material, row=row, folder=folder.tokens(row), sample=sample, progress=progress)
        for row in material.other_models
    }
    return own, others


def tokenize_splits(
    recipe: Recipe,
    material: Material,
    *,
    folder: Path,
    row: str | None = None,
    sample: int | None = None,
    progress: Progress,
) -> dict[str, Tokens]:
    """Tokens of every split, stored in `folder`; undamaged tokens that are already there are reused.

    row: the probe whose own model has the tokenizer; None: the recipe's model has it.
    sample: at most this many texts of each split, drawn with the data seed; None: all.
    """
    model = material.model if row is None else material.other_models[row]
    assert model is not None
    if damage(folder) is None:
        return {split: Tokens.open(folder / split) for split in SPLITS}
    with nullcontext() if row is None else _faults_of(row):
        tokenizer = fitting_tokenizer(model.path, pairs=material.dataset.train.pairs is not None)
    split_tokens = _tokens(tokenizer, recipe, material, sample=sample, progress=progress)
    discard(folder)
    with new_directory(folder) as inside:
        for split, tokens in split_tokens.items():
            (inside / split).mkdir()
            tokens.save(inside / split)
    return split_tokens


def quick_tokens(recipe: Recipe, material: Material, *, sample: int, progress: Progress) -> dict[str, Tokens]:
    """Tokens of at most `sample` texts of every split by tokenizer.json alone, without torch.

    The number of tokens may differ where tokenizer_config.json contradicts tokenizer.json.
    """
    assert material.model is not None
    return _tokens(load_file(material.model.path), recipe, material, sample=sample, progress=progress)


def _tokens(
    tokenizer: Any, recipe: Recipe, material: Material, *, sample: int | None, progress: Progress
) -> dict[str, Tokens]:
    splits = {split: drawn(split_of(material.dataset, split), sample, seed=recipe.data.seed) for split in SPLITS}
    with progress.step("tokenize", total=sum(map(len, splits.values())), unit="texts") as step:
        return {
            split: tokens_of(tokenizer, examples, recipe, advance=step.advance) for split, examples in splits.items()
        }


def fitting_tokenizer(folder: Path, *, pairs: bool) -> Any:
    """The tokenizer in the staged folder of a base.

    Raises: ModelError if there is none, or it does not fit the model there.
    """
    tokenizer = load_tokenizer(folder)
    check_file_agrees(tokenizer, folder)
    check_tokenizer(tokenizer, load_config(folder), pairs=pairs, name="the base model")
    return tokenizer


def tokens_of(tokenizer: Any, examples: Examples, recipe: Recipe, *, advance: Callable[[int], None]) -> Tokens:
    """The tokens of examples, cut as the recipe says. advance: called with the number of texts done."""
    return tokenize(
        tokenizer,
        examples.texts,
        examples.pairs,
        max_tokens=recipe.max_tokens,
        truncation=recipe.truncation,
        advance=advance,
    )


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


def refuse_positions(recipe: Recipe, folder: Path) -> None:
    """Check that the model in a staged folder has a position for each of the recipe's max_tokens.

    Raises: ModelError otherwise.
    """
    most = positions(folder)
    if recipe.max_tokens > most:
        raise ModelError(f"max_tokens {recipe.max_tokens} is more than the model's {most} positions; lower it.")


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
        test_rows_id=rows_id(dataset.test, classes=dataset.classes, task=DEFAULT),
        task=DEFAULT.name,
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
    prefix = resources.prefix_plan(
        recipe,
        candidates,
        {split: split_tokens for split, split_tokens in tokens.items() if split != "test" or inference == "plain"},
        counts=plan.counts,
        width=model.base.width,
        budget=EVALUATION_BUDGET,
        free_bytes=free_disk,
    )
    return replace(plan, model=model, candidates=candidates, inference=inference, prefix=prefix)


def _candidates(recipe: Recipe, base: "Base", *, train_rows: int) -> dict[str, CandidatePlan]:
    from finetooth.models import adapters
    from finetooth.pipeline import resources

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
        with _faults_of(row):
            identity = _identity(source, sound_base(source.path, material.dataset.classes))
        lengths = {split: lengths_of(split_tokens) for split, split_tokens in tokens[row].items()}
        bases[row] = OtherBase(base=identity, tokens=lengths)
    return bases


@contextmanager
def _faults_of(row: str) -> Iterator[None]:
    """A block whose ModelError names the row that the model belongs to."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{row}: {error}") from error


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


def row_keys(recipe: Recipe) -> list[tuple[str, int | None]]:
    """Name and seed of every row, in the table's order; the seed is None for rows that no seed changes."""
    names = [*recipe.baseline_rows, *(candidate.name for candidate in recipe.candidates)]
    return [(name, seed) for name in names for seed in row_kind(name).seeds_of(recipe.seeds)]


def split_of(dataset: Dataset, split: str) -> Examples:
    """The examples of a split by its name."""
    examples: Examples = getattr(dataset, split)
    return examples


def drawn(examples: Examples, count: int | None, *, seed: int) -> Examples:
    """A sample of `count` examples, the same for the same seed; all of them if count is None or not smaller."""
    if count is None or count >= len(examples):
        return examples
    rows = np.random.default_rng(seed).permutation(len(examples))[:count]
    pairs = None if examples.pairs is None else tuple(examples.pairs[row] for row in rows)
    return Examples(
        tuple(examples.ids[row] for row in rows),
        tuple(examples.texts[row] for row in rows),
        pairs,
        examples.labels[rows],
    )


def lengths_of(tokens: Tokens) -> TextLengths:
    """The lengths of the texts in tokens, and the shares that are cut."""
    lengths, uncut = tokens.lengths, tokens.whole_lengths
    return TextLengths(
        mean=float(lengths.mean()),
        median=float(np.median(lengths)),
        longest_whole=int(uncut.max()),
        texts=len(lengths),
        rows_cut=float((uncut > lengths).mean()),
        tokens_cut=float((uncut - lengths).sum() / uncut.sum()),
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
