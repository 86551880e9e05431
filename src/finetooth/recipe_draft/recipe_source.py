"""One recipe from whatever names an experiment: a recipe, the file of one, a file or folder of data, a data frame."""

import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetooth.errors import RecipeError, did_you_mean
from finetooth.files import UNFINISHED, make_directory, sha256_file
from finetooth.progress import Progress, progress_for
from finetooth.recipe import Recipe, is_path, load

if TYPE_CHECKING:  # a recipe is read without the readers of data
    from finetooth.recipe_draft.draft import Draft

_RECIPE_SUFFIXES = (".yaml", ".yml")
_SPLITS = {"train", "validation", "test"}
_HASH_DIGITS = 12  # in the name of a saved frame
_REQUIRED = {"name", "model", "data"}  # the keys that every recipe has


def load_recipe(source: Any, *, overrides: Sequence[str] = (), progress: Progress | bool | None = None) -> Recipe:
    """The recipe of an experiment, its paths made absolute. From data alone one is made, by looking at the data.

    source: a Recipe; the path of one (.yaml, .yml), or its content as a mapping; a path of data, a wheel: source or a
    Hub id; a data frame or list of (text, label) pairs; or a mapping of train, validation and test to paths or frames.
    overrides: `a.b=value` texts with YAML values. progress: as run; told which recipe was made.
    Raises: RecipeError; where one is made, SourceError and DataError too, and TypeError for what holds no rows.
    """
    if isinstance(source, Recipe):
        return load(source.model_dump(mode="json"), overrides=overrides)
    if isinstance(source, str | Path) and is_recipe_file(source):
        return load(Path(source), overrides=overrides)
    if isinstance(source, Mapping) and not _holds_splits(source):
        _refuse_rows(source)
        return load(source, overrides=overrides)
    from finetooth.recipe_draft.draft import draft

    teller = progress_for(progress)
    if isinstance(source, Mapping):
        data: Any = {split: _data_source(item, progress=teller) for split, item in source.items()}
    else:
        data = _data_source(source, progress=teller)
    made = draft(data, overrides=overrides, progress=teller)
    for line in _made_lines(made, shown=str(source) if isinstance(source, str | Path) else data):
        teller.say(line)
    return made.recipe


def is_recipe_file(source: str | Path) -> bool:
    """Whether a text or path names a recipe, which its ending says; all else names data."""
    return str(source).casefold().endswith(_RECIPE_SUFFIXES)


def data_source(text: str) -> str:
    """The source that a text typed for data means, a path made absolute.

    Raises: RecipeError for a run folder, and for a path at which there is nothing.
    """
    if text.startswith("wheel:"):
        return text
    place = Path(text).expanduser()
    if (place / "plan.json").is_file():
        raise RecipeError(
            f"{text}: a run folder, not data. Its table: finetooth show {shlex.quote(text)}. The recipe of the run: "
            f"{place / 'recipe.yaml'}"
        )
    if place.exists():
        return str(place.absolute())
    if not is_path(text) and text.count("/") == 1 and not place.parent.is_dir():
        return text  # a Hub id
    beside = [item.name for item in place.parent.iterdir()] if place.parent.is_dir() else []
    raise RecipeError(
        f"{text}: no such file or folder of data (a recipe ends in .yaml or .yml).{did_you_mean(place.name, beside)}"
    )


def _holds_splits(source: Mapping[Any, Any]) -> bool:
    return bool(source) and set(source) <= _SPLITS


def _refuse_rows(source: Mapping[Any, Any]) -> None:
    """Raises: RecipeError for a mapping of rows that is no recipe: of splits by other names, or of columns."""
    names = [str(key) for key in source]
    if _REQUIRED & set(names):
        return
    if _SPLITS & set(names):
        free = sorted(_SPLITS - set(names))
        hints = [hint for name in names if name not in _SPLITS and (hint := did_you_mean(name, free))]
        raise RecipeError(
            f"the splits of data are train, validation and test; got {', '.join(names)}.{hints[0] if hints else ''}"
        )
    if names and not set(Recipe.model_fields) & set(names) and all(map(_is_column, source.values())):
        raise RecipeError(
            f"a mapping of columns ({', '.join(names)}) is neither a recipe nor data. Give a data frame of it, "
            "or a list of (text, label) rows: list(zip(texts, labels))."
        )


def _is_column(values: Any) -> bool:
    """Whether these are values in a row: a list, or an array or Series of one dimension."""
    return isinstance(values, list | tuple) or len(getattr(values, "shape", ())) == 1


def _data_source(item: Any, *, progress: Progress) -> Any:
    """The source of data.source for a path or frame, or for a list of paths."""
    if isinstance(item, str | Path):
        return data_source(str(item))
    if isinstance(item, Sequence) and item and all(isinstance(inner, str | Path) for inner in item):
        return [data_source(str(inner)) for inner in item]
    file = _save_frame(item)
    progress.say(f"The rows handed over are kept as {file}")
    return str(file)


def _save_frame(frame: Any) -> Path:
    """The Parquet file of a data frame (or a list of rows) in the cache folder, named by the hash of its content.

    The same frame gives the same file. Raises: TypeError and DataError, as frames.table_of.
    """
    from finetooth.data import frames
    from finetooth.sources import cache_folder

    folder = cache_folder() / "frames"
    make_directory(folder)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder) as scratch:
        written = frames.save_table(frame, Path(scratch) / "frame.parquet")
        file = folder / f"frame-{sha256_file(written)[:_HASH_DIGITS]}.parquet"
        if not file.is_file() or sha256_file(file) != sha256_file(written):
            written.replace(file)
    return file


def _made_lines(made: "Draft", *, shown: Any) -> Iterator[str]:
    """Which recipe was made, for someone who named the data alone; shown: the data as they named it."""
    from finetooth.recipe_draft.recipe_text import change_lines, key_lines, left_out_lines, short_name

    model = short_name(made)
    yield f"The data gives this recipe, {made.recipe.name}:"
    for item in made.chosen:
        yield from key_lines(item.key, item.value, item.reason, indent=2)
    yield from left_out_lines(made)
    yield from key_lines("model", model.name if model else made.recipe.model, "", indent=2)
    yield from key_lines("candidates", [candidate.name for candidate in made.recipe.candidates], "", indent=2)
    if isinstance(shown, str):
        yield from change_lines(made)
        yield f"To write it down and edit it: finetooth init {shlex.quote(shown)}"
