"""Checks that the figures of a finished row follow from its predictions."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open

from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.training_curve import CurvePoint
from finetooth.files import read_json
from finetooth.models.artifact_files import ADAPTER_WEIGHTS
from finetooth.runs import predictions
from finetooth.runs.layout import RowFolder
from finetooth.runs.results import Parameters, parameters_json
from finetooth.verification.rechecks import Checked
from finetooth.verification.reload_check import logits_sha256

_ROUNDING = 1e-9  # relative; sums of the same numbers in another order, on another processor


def check_figures(
    checked: Checked,
    row: RowFolder,
    recorded: Mapping[str, Any],
    *,
    splits: Mapping[str, tuple[str, ...]],
    labels: dict[str, npt.NDArray[np.int64]],
    decision: Decision,
) -> None:
    """Check the row's predictions against splits.parquet, the labels of the other rows, and results.json.

    recorded: the row in results.json. labels: of each split, added by the first row that is checked.
    decision: how the row's logits become labels. Differences become faults of `checked`.
    """
    if not row.predictions.is_file():
        checked.refuse("predictions.parquet", "predictions.parquet is missing.")
        return
    with checked.watching("predictions.parquet"):
        scored = predictions.read(row.predictions)
        for split in ("validation", "test"):
            part = scored[split]
            if part.ids != splits.get(split):
                checked.refuse("predictions.parquet", f"its {split} rows are not those of splits.parquet.")
            if not np.array_equal(labels.setdefault(split, part.labels), part.labels):
                checked.refuse("predictions.parquet", f"its {split} labels are not those of the rows before it.")
            again = decision.score(part.logits, part.labels)
            _compare(checked, split, recorded[split], again)
        if row.verify.is_file():
            _check_reload(checked, read_json(row.verify), recorded, scored["validation"].logits)


def check_curve(checked: Checked, row: RowFolder, recorded: Mapping[str, Any]) -> None:
    """Check the training facts in results.json against curve.json and the number of values in the adapter.

    recorded: the row in results.json.
    """
    if not row.curve.is_file():
        checked.refuse("curve.json", "curve.json is missing.")
        return
    with checked.watching("curve.json"):
        curve: dict[str, Any] = read_json(row.curve)
        here = {key: curve[key] for key in ("best_step", "kept_epoch", "head")}
        here["curve"] = [asdict(CurvePoint(**point)) for point in curve["curve"]]
        here["parameters"] = parameters_json(Parameters(**curve["parameters"]))
        for name, value in here.items():
            if recorded[name] != value:
                checked.refuse(name, f"{name} in results.json differs from curve.json.")
        weights = row.adapter / ADAPTER_WEIGHTS  # full fine-tuning saves the full model instead
        if weights.is_file() and not checked.faults:
            counted = _values(weights)
            if counted != here["parameters"]["trainable"]:
                checked.refuse(
                    "parameters",
                    f"results.json says {here['parameters']['trainable']:,} trained parameters, {weights.name} holds "
                    f"{counted:,}.",
                )


def _values(weights: Path) -> int:
    with safe_open(weights, framework="numpy") as tensors:
        return sum(math.prod(tensors.get_slice(name).get_shape()) for name in tensors.keys())  # noqa: SIM118 - safe_open itself cannot be iterated


def _compare(checked: Checked, split: str, recorded: Mapping[str, Any], recomputed: Mapping[str, Any]) -> None:
    for name, value in recomputed.items():
        if _is_close(recorded.get(name), value):
            checked.figures = (checked.figures or 0) + 1
        else:
            checked.refuse(
                f"{split}.{name}",
                f"results.json says {split} {name} {_written(recorded.get(name))}, predictions.parquet gives "
                f"{_written(value)}.",
            )


def _is_close(recorded: float | None, value: float | None) -> bool:
    """Whether two figures agree up to rounding; None: the accuracy of no answered rows."""
    if recorded is None or value is None:
        return recorded is value
    return math.isclose(recorded, value, rel_tol=_ROUNDING, abs_tol=_ROUNDING)


def _written(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"


def _check_reload(
    checked: Checked, verified: Mapping[str, Any], recorded: Mapping[str, Any], validation: npt.NDArray[np.float32]
) -> None:
    if verified["validation_logits_sha256"] != logits_sha256(validation):
        checked.refuse("predictions.parquet", "its validation logits are not those that verify.json names.")
    reload = {key: verified[key] for key in ("verified", "max_abs_logit_difference")}
    if recorded["reload"] != reload:
        checked.refuse("reload", "reload in results.json differs from verify.json.")
