"""Find the sources in a recipe that are paths, by their form or because the file exists, and make them absolute."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetooth.errors import RecipeError
from finetooth.recipe.model_names import MODEL_NAMES, model_source
from finetooth.wording import cut

DATA_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt")
COMPRESSED_SUFFIXES = (".gz", ".bz2")


def is_path(text: str) -> bool:
    """Whether a source has the form of a path: the beginning of one, or the suffix of a data file."""
    if text.startswith("wheel:"):
        return False
    named = uncompressed_name(text).endswith(DATA_SUFFIXES)
    return named or text.startswith((".", "/", "~")) or Path(text).is_absolute()


def uncompressed_name(name: str) -> str:
    """The name of a file in lower case, without the ending of a compression."""
    name = name.casefold()
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def command_line_source(text: str) -> str:
    """A source from the command line: the name of an existing file or folder becomes a path, ./NAME."""
    try:
        here = not text.startswith("wheel:") and not is_path(text) and _exists(Path(text))
    except OSError:  # longer than a name can be
        here = False
    return f"./{text}" if here else text


def as_yaml_values(value: Any) -> Any:
    """A Python value as a recipe file would have it: a tuple becomes a list, a Path a text."""
    if isinstance(value, Mapping):
        return {key: as_yaml_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_yaml_values(item) for item in value]
    if isinstance(value, Path):
        return str(value) if is_path(str(value)) else f"./{value}"  # never a Hub id or a short name
    return value


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise
        return False


def resolved_data_path(path: Path) -> Path:
    """The absolute path of data with links resolved, except a last link if only its name shows the format.

    Caches and data version control keep a file under its hash, and a link to it under its name.
    """
    target = path.resolve()
    keep_name = _names_format(path) and not _names_format(target) and not target.is_dir()
    return path.parent.resolve() / path.name if keep_name else target


def _names_format(file: Path) -> bool:
    return uncompressed_name(file.name).endswith((*DATA_SUFFIXES, ".json", ".tab", ".pq"))


def absolute_paths(values: Any, home: Path, *, where: str) -> Any:
    """A copy of the values with absolute paths of models and of data.source, and with short names resolved.

    Paths are relative to `home`. A text without the form of a path is a path if it exists in `home`.
    where: the beginning of an error message. Raises: RecipeError for a text that is not usable as a path.
    """

    def absolute(source: Any) -> Any:
        if isinstance(source, list):
            return [absolute(item) for item in source]
        if isinstance(source, dict):
            return {key: absolute(item) for key, item in source.items()}
        if not isinstance(source, str) or source.startswith("wheel:"):
            return source
        try:
            path = home / (Path(source).expanduser() if source.startswith("~") else source)
            # Always called: it raises OSError for a name that is too long.
            exists = _exists(path)
            return str(resolved_data_path(path)) if is_path(source) or exists else source
        except (OSError, RuntimeError, ValueError) as error:  # too long, ~USER unknown, links in a circle, a NUL
            reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
            raise RecipeError(f"{where}: {cut(source, 60)!r} is not usable as a path ({reason}).") from None

    def model(source: str) -> Any:
        if source in MODEL_NAMES and (home / source).exists():
            raise RecipeError(
                f"{where}: model {source!r} is a short name and also a folder in {home}. For the folder write "
                f"./{source}; for the model write its source: {model_source(source)}"
            )
        return absolute(model_source(source))

    if not isinstance(values, dict):
        return values
    values = dict(values)
    if isinstance(values.get("model"), str):
        values["model"] = model(values["model"])
    if isinstance(values.get("baselines"), list):
        values["baselines"] = [
            {**item, "probe": model(item["probe"])}
            if isinstance(item, dict) and isinstance(item.get("probe"), str)
            else item
            for item in values["baselines"]
        ]
    if isinstance(values.get("data"), dict) and "source" in values["data"]:
        values["data"] = {**values["data"], "source": absolute(values["data"]["source"])}
    return values
