"""decision.json: the decision of an artifact, and its description in results.json; classes are named, not numbered."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from finetooth.errors import ModelError, did_you_mean
from finetooth.evaluation.decisions import (
    CURVE_POINTS,
    HIGHEST_TEMPERATURE,
    LOWEST_TEMPERATURE,
    Abstention,
    Calibration,
    Decision,
    RiskPoint,
)
from finetooth.tasks import DEFAULT, Task
from finetooth.untrusted import parse
from finetooth.wording import short

DECISION = "decision.json"
SCHEMA = 1
_KEYS = ("temperature", "thresholds", "costs", "abstain", "validation")
_ABSTAIN = ("wanted", "below", "coverage", "accuracy_answered", "curve")
_ABOVE_ONE = 1.001  # the highest abstain.below: above every probability, nothing is answered
_LARGEST_COST = 1e6  # as in the recipe
_LARGEST_LOSS = 1e300
# The largest value of each key.
_POINT = {"coverage": 1.0, "risk": 1.0, "threshold": 1.0}
_CALIBRATION = {
    "loss_before": _LARGEST_LOSS,
    "loss_after": _LARGEST_LOSS,
    "calibration_error_before": 1.0,
    "calibration_error_after": 1.0,
}


def describe(decision: Decision, classes: Sequence[str]) -> dict[str, Any]:
    """The decision as JSON, with the names of its classes; null for each part that it lacks."""
    thresholds, abstention = decision.thresholds, decision.abstention
    costs: dict[str, dict[str, float]] = {}
    for true, answer, cost in decision.costs:
        costs.setdefault(classes[true], {})[classes[answer]] = cost
    abstain: dict[str, Any] | None = None
    if abstention is not None:
        abstain = {
            "wanted": {abstention.target: abstention.share},
            "below": abstention.below,
            "coverage": abstention.coverage,
            "accuracy_answered": abstention.accuracy_answered,
            "curve": [asdict(point) for point in abstention.curve],
        }
    return {
        "temperature": decision.temperature,
        "thresholds": None if thresholds is None else dict(zip(classes, thresholds, strict=True)),
        "costs": costs or None,
        "abstain": abstain,
        "validation": None if decision.validation is None else asdict(decision.validation),
    }


def as_file(decision: Decision, classes: Sequence[str]) -> dict[str, Any]:
    """The content of decision.json."""
    return {"schema": SCHEMA, **describe(decision, classes)}


def load(folder: Path, *, classes: Sequence[str], name: str, task: Task = DEFAULT, sealed: bool = False) -> Decision:
    """The decision of the artifact in `folder`; without decision.json, always the label of the largest logit.

    A trained model has decision.json inside its folder, any other row of a run beside it. sealed: only the file inside
    the folder, which its manifest covers, is read.
    Raises: ModelError that begins with `name` if Finetooth did not write the file for these classes.
    """
    files = [folder / DECISION] if sealed else [folder / DECISION, folder.parent / DECISION]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        return Decision(task=task)
    try:
        settings = _object(_value(file), ("schema", *_KEYS), "it")
        if settings["schema"] is True or settings["schema"] != SCHEMA:
            raise ValueError(f"schema is {short(settings['schema'], 40)}; this version reads schema {SCHEMA}.")
        if settings["thresholds"] is not None and settings["costs"] is not None:
            raise ValueError("thresholds and costs are both given; a label is decided by one of them.")
        validation = settings["validation"]
        return Decision(
            temperature=_number(
                settings["temperature"], "temperature", least=LOWEST_TEMPERATURE, most=HIGHEST_TEMPERATURE
            ),
            thresholds=_thresholds(settings["thresholds"], classes),
            costs=_costs(settings["costs"], classes),
            abstention=_abstention(settings["abstain"]),
            validation=None if validation is None else Calibration(**_numbers(validation, _CALIBRATION, "validation")),
            task=task,
        )
    except ValueError as error:
        raise ModelError(f"{name}: {DECISION}: {error} Take it from its run or a backup again.") from error


def _value(file: Path) -> Any:
    try:
        return parse(file.read_bytes())
    except ValueError:
        raise ValueError("it is not readable as JSON.") from None


def _thresholds(value: Any, classes: Sequence[str]) -> tuple[float, ...] | None:
    if value is None:
        return None
    shares = tuple(_numbers(value, dict.fromkeys(classes, 1.0), "thresholds").values())
    if min(shares) == 0.0:
        raise ValueError(f"thresholds.{classes[shares.index(0.0)]} is 0; a number above 0 is needed.")
    if not math.isclose(math.fsum(shares), 1.0, abs_tol=1e-6):
        raise ValueError(f"thresholds sum to {math.fsum(shares):g}, not 1.")
    return shares


def _costs(value: Any, classes: Sequence[str]) -> tuple[tuple[int, int, float], ...]:
    if value is None:
        return ()
    costs, numbers = [], {label: number for number, label in enumerate(classes)}
    for true, row in _object(value, numbers, "costs", all_of_them=False).items():
        for answer, cost in _object(row, numbers, f"costs.{true}", all_of_them=False).items():
            where = f"costs.{true}.{answer}"
            if answer == true:
                raise ValueError(f"{where} is the cost of a right label, which costs nothing.")
            costs.append((numbers[true], numbers[answer], _number(cost, where, most=_LARGEST_COST)))
    return tuple(sorted(costs))


def _abstention(value: Any) -> Abstention | None:
    if value is None:
        return None
    settings = _object(value, _ABSTAIN, "abstain")
    target = _object(settings["wanted"], ("coverage", "accuracy"), "abstain.wanted", all_of_them=False)
    if len(target) != 1:
        raise ValueError("abstain.wanted must name exactly one of coverage and accuracy.")
    kind: Literal["coverage", "accuracy"] = "coverage" if "coverage" in target else "accuracy"
    accuracy, curve = settings["accuracy_answered"], settings["curve"]
    if not isinstance(curve, list) or len(curve) > CURVE_POINTS:
        raise ValueError(f"abstain.curve is no list of at most {CURVE_POINTS} points.")
    return Abstention(
        target=kind,
        share=_number(target[kind], f"abstain.wanted.{kind}"),
        below=_number(settings["below"], "abstain.below", most=_ABOVE_ONE),
        coverage=_number(settings["coverage"], "abstain.coverage"),
        accuracy_answered=None if accuracy is None else _number(accuracy, "abstain.accuracy_answered"),
        curve=tuple(RiskPoint(**_numbers(item, _POINT, f"abstain.curve.{at}")) for at, item in enumerate(curve)),
    )


def _object(value: Any, keys: Collection[str], where: str, *, all_of_them: bool = True) -> Mapping[str, Any]:
    """Check that `value` is a mapping of `keys` and no others, and return it.

    Raises: ValueError with a sentence for the message of load.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {short(value, 40)}; a mapping is needed.")
    inside = "" if where == "it" else f"{where}."
    for key in value:
        if key not in keys:
            raise ValueError(f"unknown key {inside + key!r}.{did_you_mean(key, keys)}")
    missing = [key for key in keys if key not in value] if all_of_them else []
    if missing:
        raise ValueError(f"key {inside + missing[0]!r} is missing.")
    return value


def _numbers(value: Any, largest: Mapping[str, float], where: str) -> dict[str, float]:
    """The numbers of a mapping that has all keys of `largest`, each from 0 to the value there."""
    settings = _object(value, largest, where)
    return {key: _number(settings[key], f"{where}.{key}", most=most) for key, most in largest.items()}


def _number(value: Any, where: str, *, least: float = 0.0, most: float = 1.0) -> float:
    # NaN is within no bounds, and all bounds are finite.
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    bounds = f"from {least:g}" if most == _LARGEST_LOSS else f"from {least:g} to {most:g}"
    raise ValueError(f"{where} is {short(value, 40)}; a number {bounds} is needed.")
