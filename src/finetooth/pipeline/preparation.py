"""The sources, splits and tokens of a recipe, and the task of its labels: what a plan is made from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from finetooth import data
from finetooth.data import Dataset, Examples
from finetooth.errors import ModelError, RecipeError, did_you_mean
from finetooth.files import damage, discard, new_directory
from finetooth.models.batching import Tokens, tokenize
from finetooth.models.config_file import load_config, positions
from finetooth.models.tokenizer import check_file_agrees, check_tokenizer, load_tokenizer
from finetooth.progress import Progress
from finetooth.recipe import Recipe
from finetooth.row_kinds import row_kind
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import TextLengths
from finetooth.runs.work import SPLITS
from finetooth.sources import Source, data_sources, fetch_data, fetch_model
from finetooth.tasks import DEFAULT, Task


@dataclass(frozen=True, slots=True)
class Material:
    """Sources and splits of a recipe.

    task: what its labels are. model: None if no row needs it. other_models: the models of probes that name their own,
    by the name of the row.
    """

    task: Task
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
    task = DEFAULT  # a recipe names no task yet
    model = fetch_model(recipe.model, progress=progress) if recipe.needs_model else None
    if model is not None:
        refuse_positions(recipe, model.path)  # before the data is fetched, read and tokenized
    others = {row: fetch_model(text, progress=progress) for row, text in recipe.other_models.items()}
    for row, other in others.items():
        with faults_of(row):
            refuse_positions(recipe, other.path)
    sources = {
        split: tuple(fetch_data(text, progress=progress) for text in texts)
        for split, texts in data_sources(recipe).items()
    }
    files = {split: [source.path for source in listed] for split, listed in sources.items()}
    dataset = data.load(recipe.data, files, task=task, rejects=rejects, progress=progress)
    _check_labels(recipe, dataset)
    return Material(task, model, sources, dataset, others)


def _check_labels(recipe: Recipe, dataset: data.Dataset) -> None:
    """Check that class weights and costs are of labels of the data, and that a mistake costs something.

    Raises: RecipeError with the key; for an unknown label also the nearest one and the column of the labels.
    """
    weights, costs = recipe.training.class_weights, recipe.decision.costs or {}
    named = [("training.class_weights", label) for label in (weights if isinstance(weights, dict) else ())]
    named += [("decision.costs", label) for label in costs]
    named += [(f"decision.costs.{true}", predicted) for true, row in costs.items() for predicted in row]
    for key, label in named:
        if label not in dataset.classes:
            message = f"{key}: {label!r} is no label of the data.{did_you_mean(label, dataset.classes)}"
            raise RecipeError(f"{message}\n{dataset.label_source}".rstrip())
    free = sum(cost == 0 for row in costs.values() for cost in row.values())
    if costs and free == len(dataset.classes) * (len(dataset.classes) - 1):
        raise RecipeError(
            "decision.costs: every mistake costs 0, so no answer is better than another. Give at least one mistake a "
            "cost above 0, or remove decision.costs."
        )


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
    with nullcontext() if row is None else faults_of(row):
        tokenizer = checked_tokenizer(model.path, pairs=material.dataset.train.pairs is not None)
    tokens = sampled_tokens(tokenizer, recipe, material, sample=sample, progress=progress)
    discard(folder)
    with new_directory(folder) as inside:
        for split, split_tokens in tokens.items():
            (inside / split).mkdir()
            split_tokens.save(inside / split)
    return tokens


def sampled_tokens(
    tokenizer: Any, recipe: Recipe, material: Material, *, sample: int | None, progress: Progress
) -> dict[str, Tokens]:
    """Tokens of every split by a tokenizer, stored nowhere. sample: as tokenize_splits."""
    splits = {split: drawn(split_of(material.dataset, split), sample, seed=recipe.data.seed) for split in SPLITS}
    with progress.step("tokenize", total=sum(map(len, splits.values())), unit="texts") as step:
        return {
            split: tokens_of(tokenizer, examples, recipe, advance=step.advance) for split, examples in splits.items()
        }


def checked_tokenizer(folder: Path, *, pairs: bool) -> Any:
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


def refuse_positions(recipe: Recipe, folder: Path) -> None:
    """Check that the model in a staged folder has a position for each of the recipe's max_tokens.

    Raises: ModelError otherwise.
    """
    most = positions(folder)
    if recipe.max_tokens > most:
        raise ModelError(f"max_tokens {recipe.max_tokens} is more than the model's {most} positions; lower it.")


@contextmanager
def faults_of(row: str) -> Iterator[None]:
    """A block whose ModelError names the row that the model belongs to."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{row}: {error}") from error


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
    return examples.select(np.random.default_rng(seed).permutation(len(examples))[:count].tolist())


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
