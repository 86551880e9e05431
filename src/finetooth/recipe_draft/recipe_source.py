"""Loads the recipe of an experiment from a recipe, a recipe file, a file or folder of data, or a data frame."""

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
    """The recipe of an experiment, with absolute paths. For data without a recipe, one is drafted from the data.

    source: a Recipe; the path of a recipe (.yaml, .yml), or its content as a mapping; a path of data, a wheel: source
    or a Hub id; a data frame or list of (text, label) pairs; or a mapping of train, validation and test to paths or
    frames. overrides: `a.b=value` texts with YAML values. progress: as for run; receives the drafted recipe.
    Raises: RecipeError; if a recipe is drafted, also SourceError, DataError, and TypeError for data without rows.
    """
    if isinstance(source, Recipe):
        return load(source.model_dump(mode="json"), overrides=overrides)
    if isinstance(source, str | Path) and is_recipe_file(source):
        return load(Path(source), overrides=overrides)
    if isinstance(source, Mapping) and not (source and set(source) <= _SPLITS):
        _check_recipe_mapping(source)
        return load(source, overrides=overrides)
    from finetooth.recipe_draft.draft import draft

    reporter = progress_for(progress)
    if isinstance(source, Mapping):
        data: Any = {split: _data_source(item, progress=reporter) for split, item in source.items()}
    else:
        data = _data_source(source, progress=reporter)
    drafted = draft(data, overrides=overrides, progress=reporter)
    for line in _made_lines(drafted, shown=str(source) if isinstance(source, str | Path) else data):
        reporter.say(line)
    return drafted.recipe


def is_recipe_file(source: str | Path) -> bool:
    """Whether a text or path names a recipe, by its ending. Everything else names data."""
    return str(source).casefold().endswith(_RECIPE_SUFFIXES)


def data_source(text: str) -> str:
    """The data source that a user's text names; a path is made absolute.

    Raises: RecipeError for a run folder, and for a path that does not exist.
    """
    if text.startswith("wheel:"):
        return text
    path = Path(text).expanduser()
    if (path / "plan.json").is_file():
        raise RecipeError(
            f"{text}: this is a run folder, not data. To see its table: finetooth show {shlex.quote(text)}. The recipe "
            f"of the run: {path / 'recipe.yaml'}"
        )
    if path.exists():
        return str(path.absolute())
    if not is_path(text) and text.count("/") == 1 and not path.parent.is_dir():
        return text  # a Hub id
    beside = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    raise RecipeError(
        f"{text}: no such file or folder of data (a recipe ends in .yaml or .yml).{did_you_mean(path.name, beside)}"
    )


def _check_recipe_mapping(source: Mapping[Any, Any]) -> None:
    """Check that a mapping is not data: splits with other names, or columns. Raises: RecipeError."""
    names = [str(key) for key in source]
    if _REQUIRED & set(names):
        return
    if _SPLITS & set(names):
        free = sorted(_SPLITS - set(names))
        hints = [hint for name in names if name not in _SPLITS and (hint := did_you_mean(name, free))]
        raise RecipeError(
            f"the splits of data must be train, validation and test, not {', '.join(names)}.{hints[0] if hints else ''}"
        )
    columns = all(
        isinstance(values, list | tuple) or len(getattr(values, "shape", ())) == 1 for values in source.values()
    )
    if names and columns and not set(Recipe.model_fields) & set(names):
        raise RecipeError(
            f"a mapping of columns ({', '.join(names)}) is neither a recipe nor data. Pass a data frame with these "
            "columns, or a list of (text, label) pairs: list(zip(texts, labels))."
        )


def _data_source(item: Any, *, progress: Progress) -> Any:
    """The value of data.source for a path, a list of paths, or a data frame, which is saved to a file."""
    if isinstance(item, str | Path):
        return data_source(str(item))
    if isinstance(item, Sequence) and item and all(isinstance(inner, str | Path) for inner in item):
        return [data_source(str(inner)) for inner in item]
    file = _save_frame(item)
    progress.say(f"The data is saved as {file}")
    return str(file)


def _save_frame(frame: Any) -> Path:
    """Save a data frame (or a list of rows) in the cache folder, so that a run of it can be resumed and verified.

    The Parquet file is named by the hash of its content, so that the same frame gives the same file.
    Raises: TypeError and DataError, as frames.table_of.
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


def _made_lines(drafted: "Draft", *, shown: Any) -> Iterator[str]:
    """Lines that show the drafted recipe to a user who named only data. shown: the data as the user named it."""
    from finetooth.recipe_draft.recipe_text import change_lines, key_lines, left_out_lines, named_model

    model = named_model(drafted)
    yield f"Recipe {drafted.recipe.name}, drafted from the data:"
    for item in drafted.chosen:
        yield from key_lines(item.key, item.value, item.reason, indent=2)
    yield from left_out_lines(drafted)
    yield from key_lines("model", model.name if model else drafted.recipe.model, "", indent=2)
    yield from key_lines("candidates", [candidate.name for candidate in drafted.recipe.candidates], "", indent=2)
    if isinstance(shown, str):
        yield from change_lines(drafted)
        yield f"To save and edit it: finetooth init {shlex.quote(shown)}"
