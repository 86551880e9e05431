"""A recipe for data that nobody has described: the files decide what it says, and each choice has its reason."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from finetooth import data
from finetooth.data.discover import bare_suffix
from finetooth.errors import DataError
from finetooth.progress import Progress, Silent
from finetooth.recipe import COMPRESSED_SUFFIXES, Recipe, is_path, load
from finetooth.recipe_draft import file_settings
from finetooth.recipe_draft.file_settings import Setting
from finetooth.sources import data_sources, fetch_data

MODEL = "minilm"
CANDIDATES = [{"name": "lora-r8", "rank": 8}]
_KEY = re.compile(r"\b(data\.[a-z_]+):(?: ([a-z0-9][\w-]*)(?=[\n.]|$))?")  # a key and, where it is one word, its value
_OF_HEADLESS = {"text": "the longest texts", "label": "the fewest values that repeat"}
_TEXTS = 2_000  # looked at for their lengths
_TOKENS_OF_A_WORD = 1.3  # of English in the vocabulary of BERT; on film reviews 1.28 to 1.33
_LONGEST = 64  # as files.check_name allows
# Names that say which part of the data a file is, or only that it is data: the folder's name says more.
_WITHOUT_MEANING = re.compile(r"(train|training|test|dev|val|valid|validation|data|dataset|all|full|part)?[-_.0-9of]*")


@dataclass(frozen=True, slots=True)
class Lengths:
    """Words of the training texts, from a sample; cut_share: share of texts estimated to exceed the tokens kept."""

    median_words: int
    most_words: int
    cut_share: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A recipe and what it was made from.

    chosen: the keys of its data section that the data decided, each with its reason. summary: as data.load gives it.
    """

    recipe: Recipe
    source: str | Mapping[str, Any]
    chosen: tuple[Setting, ...]
    summary: Mapping[str, Any]
    lengths: Lengths


def draft(source: str | Mapping[str, Any], *, overrides: Sequence[str] = (), progress: Progress) -> Draft:
    """Look at the data and draft a recipe for it.

    source: of data.source: a path, a wheel: source or a Hub id, or a mapping of splits to these. overrides: as
    recipe.load takes them; what they set is not looked for.
    Raises: SourceError and DataError where the data cannot be read; RecipeError for a wrong override.
    """
    first = next(iter(source.values())) if isinstance(source, Mapping) else source
    name = run_name(first if isinstance(first, str) else first[0])
    bare = {"name": name, "model": MODEL, "data": {"source": source}, "candidates": CANDIDATES}
    recipe = load(bare, overrides=overrides)
    files = {
        split: [fetch_data(text, progress=Silent() if is_path(text) else progress).path for text in texts]
        for split, texts in data_sources(recipe).items()
    }
    with progress.step(f"look at {recipe.name}"), _without_recipe():
        wanted = file_settings.settings(files, spec=recipe.data)
        chosen = [item for item in wanted if item.key not in recipe.data.model_fields_set]
        spec = recipe.data.model_copy(update={item.key: item.value for item in chosen})
        dataset = data.load(spec, files)
    if has_columns(dataset.summary):
        headless = any(item.key == "columns" for item in chosen)
        chosen += [
            Setting(key, column["name"], _reason(key, column["how"], headless=headless))
            for key, column in dataset.summary["columns"].items()
            if key not in recipe.data.model_fields_set
        ]
    bare["data"] = {"source": source, **{item.key: item.value for item in chosen}}
    return Draft(
        recipe=load(bare, overrides=overrides),
        source=source,
        chosen=tuple(chosen),
        summary=dataset.summary,
        lengths=_lengths(dataset.train.texts, max_tokens=recipe.max_tokens),
    )


@contextmanager
def _without_recipe() -> Iterator[None]:
    """A block that reads data; errors that advise a key say how to set one where there is no recipe yet."""
    try:
        yield
    except DataError as error:
        key = _KEY.search(str(error))
        if key is None or "--set" in str(error):
            raise
        name, value = key[1], key[2] or "..."
        raise DataError(f"{error}\nWithout a recipe, give {name} on the command line: --set {name}={value}") from error


def _reason(key: str, how: str, *, headless: bool) -> str:
    """Why a column was chosen. headless: the columns have the names that this draft gives them."""
    if headless and key in _OF_HEADLESS:
        return _OF_HEADLESS[key]
    return {"known name": "by its name", "known name of a pair": "one of a pair, by its name"}.get(how, how)


def has_columns(summary: Mapping[str, Any]) -> bool:
    """Whether the files have columns to name, as folders of texts and lines of a label and a text have not."""
    return not any(fact["format"] in ("folder", "label_text", "parallel") for fact in summary["files"])


def _lengths(texts: Sequence[str], *, max_tokens: int) -> Lengths:
    step = max(1, len(texts) // _TEXTS)
    words = np.array([len(text.split()) for text in texts[::step]])
    longest = len(max(texts, key=len).split())
    return Lengths(
        median_words=int(np.median(words)),
        most_words=max(longest, int(words.max())),
        cut_share=float((words * _TOKENS_OF_A_WORD > max_tokens).mean()),
    )


def run_name(source: str) -> str:
    """A name that files.check_name accepts: of the file, or of its folder where the file is called train or data."""
    return next((name for name in map(_safe, _names(source)) if name and not _WITHOUT_MEANING.fullmatch(name)), "data")


def _names(source: str) -> list[str]:
    """Names that the source may give to its run, the best first."""
    if source.startswith("wheel:"):
        wheel, _, member = source.removeprefix("wheel:").partition("#")[0].partition("/")
        return [_stem(PurePosixPath(member).name), wheel.partition("==")[0]]
    place = Path(source)
    if not place.exists():  # a Hub id, owner/name@revision
        return [source.partition("@")[0].rpartition("/")[2]]
    place = place.resolve()
    return [place.name if place.is_dir() else _stem(place.name), *(folder.name for folder in place.parents)]


def _stem(name: str) -> str:
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name[: len(name) - len(bare_suffix(Path(name)))]


def _safe(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", errors="ignore").decode().casefold()
    return re.sub(r"[^a-z0-9._]+", "-", plain).strip("._-")[:_LONGEST].rstrip("._-")
