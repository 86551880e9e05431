"""The names of an artifact's files, and what its JSON says, read without loading torch."""

from pathlib import Path
from typing import Any

import numpy as np

from finetooth.errors import ModelError, did_you_mean
from finetooth.models.checked import read_checked
from finetooth.tasks import DEFAULT, TASKS, Task

IDENTITY, LABELS = "finetooth.json", "labels.json"
HEAD, HEADS = "head.safetensors", "heads.safetensors"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")
ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
MODEL_WEIGHTS, MODEL_CONFIG = "model.safetensors", "config.json"
REFERENCE_TOLERANCE = 1e-4  # of a reference output; on the platform that recorded it, it must be equal bitwise

# Our own sentences, of unequal length, whose logits show whether an artifact is damaged.
REFERENCE_INPUTS = (
    "A small, well-made film that stays with you.",
    "No.",
    "The service was slow, the food was cold, and nobody apologised for either of them, not even when we asked.",
    "Delivery on Tuesday 14:30 to 12 Mill Lane; call 555-0100 on arrival.",
    "Ich weiß nicht, ob das gut ist. それは分かりません。",
    "WOW!!! 10/10 🎉 would (not) buy again...",
    "Despite a promising start, the second half loses its way among subplots that are neither resolved nor missed, and "
    "what remains is a handful of fine scenes in search of the story that would have deserved them.",
    "Why was the contract renewed before the committee had read the report it had commissioned?",
)


def read_saved(folder: Path, name: str) -> dict[str, Any]:
    """The content of a JSON file of an artifact, with allowed values only.

    Raises: ModelError if the file is missing, or holds what Finetooth does not write.
    """
    if not (folder / name).is_file():
        raise ModelError(f"the adapter holds no {name}; only adapters that Finetooth saved can be loaded.")
    return read_checked(folder / name, owner="the adapter")


def labels_of(folder: Path) -> tuple[str, ...]:
    """The label names saved in an artifact, in the order of its logits: at least two, each once.

    Raises: ModelError, as read_saved.
    """
    return tuple(read_saved(folder, LABELS)["labels"])


def task_of(folder: Path) -> Task:
    """What the labels of an artifact are; if it does not say so, they are classes, one for each text.

    Raises: ModelError as read_saved, and for a task that this version does not know.
    """
    name = read_saved(folder, LABELS).get("task", DEFAULT.name)
    if name not in TASKS:
        raise ModelError(
            f"the adapter: {LABELS}: task {name!r} is not one that this version knows ({', '.join(TASKS)})."
            f"{did_you_mean(name, TASKS)}"
        )
    return TASKS[name]


def identity_of(folder: Path) -> dict[str, Any]:
    """What an artifact says it belongs to: finetooth.json, with the reference logits as an array (8, C) float32.

    Raises: ModelError, as read_saved.
    """
    identity = read_saved(folder, IDENTITY)
    return {**identity, "reference_logits": np.asarray(identity["reference_logits"], np.float32)}


def weights_name(folder: Path) -> str:
    """The file of the trained tensors of an artifact: those of the adapter, or of the model."""
    return MODEL_WEIGHTS if (folder / MODEL_WEIGHTS).is_file() else ADAPTER_WEIGHTS


def config_name(folder: Path) -> str:
    """The file of the configuration of an artifact: that of the adapter, or of the model."""
    return MODEL_CONFIG if (folder / MODEL_WEIGHTS).is_file() else ADAPTER_CONFIG
