"""Reads from the folder of a row by which pass, and in which number format, the row is computed."""

from finetooth.baselines.fitted import SETTINGS
from finetooth.files import read_hashed_json, read_json
from finetooth.models.agreement import Measured
from finetooth.row_kinds import RowKind
from finetooth.runs.layout import RowFolder
from finetooth.runs.plan_file import Plan
from finetooth.runs.results import Inference


def measured_of(folder: RowFolder, kind: RowKind) -> Measured | None:
    """How a saved row may be computed; None for a row without a model."""
    if not kind.needs_model:
        return None
    if kind.saved_in == "adapter":
        return Measured.load(folder.adapter)
    return Measured.of(read_json(folder.baseline / SETTINGS)["inference"])


def inference_of(plan: Plan, folder: RowFolder, kind: RowKind) -> Inference | None:
    """How a row's test rows were computed; None for a row without a model."""
    measured = measured_of(folder, kind)
    if measured is None:
        return None
    agreement = measured.agreement
    counts = (None, None) if agreement is None else (agreement.flipped, agreement.rows)
    used = read_hashed_json(folder.costs).get("inference") if folder.costs.is_file() else None
    if used is None:  # costs.json of the row is missing: report what was planned
        return Inference(measured.precision(plan.inference), measured.fallback_reason, *counts)
    return Inference(used["precision"], used["fallback_reason"], *counts)
