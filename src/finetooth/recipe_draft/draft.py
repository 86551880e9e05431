"""Drafts a recipe for data without one: the files decide its settings, and each setting has a reason."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from finetooth import data
from finetooth.errors import DataError
from finetooth.progress import Progress, Silent
from finetooth.recipe import Recipe, is_path, load, uncompressed_name
from finetooth.recipe_draft import file_settings
from finetooth.recipe_draft.file_settings import Setting
from finetooth.sources import data_sources, fetch_data

MODEL = "minilm"
CANDIDATES = [{"name": "lora-r8", "rank": 8}]
_KEY = re.compile(r"\b(data\.[a-z_]+):(?: ([a-z0-9][\w-]*)(?=[\n.]|$))?")  # a key and, where it is one word, its value
_HEADLESS_REASONS = {"text": "the longest texts", "label": "the fewest values that repeat"}
_SAMPLED_TEXTS = 2_000  # in which words are counted
_TOKENS_PER_WORD = 1.3  # English words in BERT's vocabulary; measured on film reviews: 1.28 to 1.33
_LONGEST = 64  # as files.check_name allows
# Names that only say which part of the data a file is, or that it is data: the folder's name says more.
_WITHOUT_MEANING = re.compile(r"(train|training|test|dev|val|valid|validation|data|dataset|all|full|part)?[-_.0-9of]*")


@dataclass(frozen=True, slots=True)
class WordCounts:
    """Words of the training texts, from a sample. cut_share: estimated share of texts longer than max_tokens."""

    median_words: int
    most_words: int
    cut_share: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A recipe and the data that it was made from.

    chosen: the settings in its data section that the data decided. summary: from data.load.
    """

    recipe: Recipe
    source: str | Mapping[str, Any]
    chosen: tuple[Setting, ...]
    summary: Mapping[str, Any]
    word_counts: WordCounts


def draft(source: str | Mapping[str, Any], *, overrides: Sequence[str] = (), progress: Progress) -> Draft:
    """Read the data and draft a recipe for it.

    source: for data.source: a path, a wheel: source or a Hub id, or a mapping of splits to these. overrides: as for
    recipe.load; what they set is not detected.
    Raises: SourceError and DataError if the data cannot be read; RecipeError for a wrong override.
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
        settings = file_settings.settings(files, spec=recipe.data)
        chosen = [item for item in settings if item.key not in recipe.data.model_fields_set]
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
        word_counts=_word_counts(dataset.train.texts, max_tokens=recipe.max_tokens),
    )


@contextmanager
def _without_recipe() -> Iterator[None]:
    """In the block, an error that advises a key of the recipe also says how to set it without a recipe."""
    try:
        yield
    except DataError as error:
        key = _KEY.search(str(error))
        if key is None or "--set" in str(error):
            raise
        name, value = key[1], key[2] or "..."
        raise DataError(f"{error}\nWithout a recipe, set {name} on the command line: --set {name}={value}") from error


def _reason(key: str, how: str, *, headless: bool) -> str:
    """Why a column was chosen. headless: whether the draft itself names the columns."""
    if headless and key in _HEADLESS_REASONS:
        return _HEADLESS_REASONS[key]
    return {"known name": "by its name", "known name of a pair": "one of a pair, by its name"}.get(how, how)


def has_columns(summary: Mapping[str, Any]) -> bool:
    """Whether the files have columns with names; folders of texts and lines of a label and a text have none."""
    return not any(fact["format"] in ("folder", "label_text", "parallel") for fact in summary["files"])


def _word_counts(texts: Sequence[str], *, max_tokens: int) -> WordCounts:
    step = max(1, len(texts) // _SAMPLED_TEXTS)
    words = np.array([len(text.split()) for text in texts[::step]])
    longest = len(max(texts, key=len).split())
    return WordCounts(
        median_words=int(np.median(words)),
        most_words=max(longest, int(words.max())),
        cut_share=float((words * _TOKENS_PER_WORD > max_tokens).mean()),
    )


def run_name(source: str) -> str:
    """A name for a run, fit for files.check_name: that of the file, or of its folder if the file is called train."""
    return next((name for name in map(_safe, _names(source)) if name and not _WITHOUT_MEANING.fullmatch(name)), "data")


def _names(source: str) -> list[str]:
    """Candidates for the name of the run, the best first."""
    if source.startswith("wheel:"):
        wheel, _, member = source.removeprefix("wheel:").partition("#")[0].partition("/")
        return [_stem(member), wheel.partition("==")[0]]
    path = Path(source)
    if not path.exists():  # a Hub id, owner/name@revision
        return [source.partition("@")[0].rpartition("/")[2]]
    path = path.resolve()
    return [path.name if path.is_dir() else _stem(path.name), *(folder.name for folder in path.parents)]


def _stem(name: str) -> str:
    return Path(uncompressed_name(name)).stem


def _safe(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", errors="ignore").decode().casefold()
    return re.sub(r"[^a-z0-9._]+", "-", plain).strip("._-")[:_LONGEST].rstrip("._-")
