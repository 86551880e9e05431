"""What all baselines have in common: their files, and the smoothed shares of the classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save as save_tensors

from finetooth.errors import VerificationError
from finetooth.files import damage, json_bytes, new_directory, read_json

SETTINGS = "baseline.json"
WEIGHTS = "baseline.safetensors"


def save(
    folder: Path, settings: Mapping[str, Any], *, tensors: Mapping[str, Any], files: Mapping[str, Any] | None = None
) -> None:
    """Make `folder` with baseline.json, baseline.safetensors, the JSON `files` by their names, and a manifest.

    Raises: RunError if the folder exists.
    """
    with new_directory(folder) as inside:
        (inside / SETTINGS).write_bytes(json_bytes({"schema": 1, **settings}))
        (inside / WEIGHTS).write_bytes(save_tensors(dict(tensors)))
        for name, content in (files or {}).items():
            (inside / name).write_bytes(json_bytes(content))


def read_kind(folder: Path, among: Sequence[str]) -> str:
    """The kind of the baseline saved at `folder`, one of `among`, after checking the folder against its manifest.

    Raises: VerificationError if the folder is damaged or is not such a baseline.
    """
    wrong = damage(folder)
    if wrong is not None:
        raise VerificationError(f"{folder}: {wrong}. Delete the folder and run the same command again.")
    settings = read_json(folder / SETTINGS) if (folder / SETTINGS).is_file() else None
    kind = settings.get("kind") if isinstance(settings, dict) else None
    if kind not in among:
        raise VerificationError(
            f"{folder}: is not a saved baseline of the kind {' or '.join(among)}. If it belongs to a run, delete it "
            "and run the same command again."
        )
    return str(kind)


def shares(labels: npt.NDArray[np.int64], *, classes: int) -> npt.NDArray[np.float64]:
    """The share of each class, (C,) float64, smoothed by one example for each class so that none is zero."""
    counts = np.bincount(labels, minlength=classes)
    assert len(counts) == classes, "a label is not below the number of classes"
    return np.asarray((counts + 1.0) / (len(labels) + classes))
