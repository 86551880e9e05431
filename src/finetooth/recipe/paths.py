"""Sources in a recipe that are paths: told by their form, or by what lies beside the recipe, and made absolute."""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetooth.errors import RecipeError
from finetooth.recipe.model_names import model_source, refuse_folder_of_that_name

DATA_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".txt")
COMPRESSED_SUFFIXES = (".gz", ".bz2")


def is_path(text: str) -> bool:
    """Whether a source text has the form of a path, wherever it is read: it begins like one, or ends as data does."""
    if text.startswith("wheel:"):
        return False
    return text.startswith((".", "/", "~")) or _ends_as_data(text) or Path(text).is_absolute()


def _ends_as_data(name: str, endings: tuple[str, ...] = DATA_SUFFIXES) -> bool:
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.endswith(endings)


def command_line_source(text: str) -> str:
    """A source as typed on a command line: the name of what lies in the working directory becomes a path, ./NAME."""
    try:
        here = not text.startswith("wheel:") and not is_path(text) and _exists(Path(text))
    except OSError:  # longer than a name can be
        here = False
    return f"./{text}" if here else text


def as_yaml_values(value: Any) -> Any:
    """A value from Python as a recipe file would hold it: a tuple as a list, a Path as the text of a path."""
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
    """The absolute path of data, without links but for a last one whose name alone tells the format.

    Caches and version control of data keep a file under its hash, and a link to it under its name.
    """
    target = path.resolve()
    keep_name = _names_format(path) and not _names_format(target) and not target.is_dir()
    return path.parent.resolve() / path.name if keep_name else target


def _names_format(file: Path) -> bool:
    return _ends_as_data(file.name.casefold(), (*DATA_SUFFIXES, ".json", ".tab", ".pq"))


def absolute_paths(values: Any, home: Path, *, where: str) -> Any:
    """The same values with paths of models and of data.source made absolute against `home`, short names resolved.

    A text without the form of a path is one if it exists in `home`; this is decided here, once. where: begins an error.
    Raises: RecipeError for a text that cannot be a path, such as one that is too long.
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
            # Asked in any case: what is too long for a name ends here.
            exists = _exists(path)
            return str(resolved_data_path(path)) if is_path(source) or exists else source
        except (OSError, RuntimeError, ValueError) as error:  # too long, ~USER unknown, links in a circle, a NUL
            shown = source if len(source) <= 60 else f"{source[:60]}..."
            reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
            raise RecipeError(f"{where}: {shown!r} is not usable as a path ({reason}).") from None

    def model(source: str) -> Any:
        refuse_folder_of_that_name(source, home, where=where)
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
