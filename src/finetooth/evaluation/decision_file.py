"""decision.json: a decision inside its artifact, and what results.json says of it; classes by name, not by position."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
_POINT = ("coverage", "risk", "threshold")
_CALIBRATION = ("loss_before", "loss_after", "calibration_error_before", "calibration_error_after")
_ABOVE_ONE = 1.001  # a threshold above every probability: nothing is answered
_MOST = 1e6  # of a cost, as in the recipe
_LARGEST = 1e300  # of a loss


def describe(decision: Decision, classes: Sequence[str]) -> dict[str, Any]:
    """The decision as JSON, with the names of its classes; null for what it does not do."""
    thresholds, abstention = decision.thresholds, decision.abstention
    costs: dict[str, dict[str, float]] = {}
    for true, answer, cost in decision.costs:
        costs.setdefault(classes[true], {})[classes[answer]] = cost
    return {
        "temperature": decision.temperature,
        "thresholds": None if thresholds is None else dict(zip(classes, thresholds, strict=True)),
        "costs": costs or None,
        "abstain": None if abstention is None else _described(abstention),
        "validation": None if decision.validation is None else asdict(decision.validation),
    }


def _described(abstention: Abstention) -> dict[str, Any]:
    return {
        "wanted": {abstention.target: abstention.share},
        "below": abstention.below,
        "coverage": abstention.coverage,
        "accuracy_answered": abstention.accuracy_answered,
        "curve": [asdict(point) for point in abstention.curve],
    }


def load(folder: Path, *, classes: Sequence[str], name: str, task: Task = DEFAULT) -> Decision:
    """The decision of the artifact in `folder`; one that holds none says the label of its largest logit, always.

    Raises: ModelError beginning with `name` when its file is not one that Finetooth wrote for these classes.
    """
    if not (folder / DECISION).is_file():
        return Decision(task=task)
    try:
        settings = _object(_value(folder / DECISION), ("schema", *_KEYS), "it")
        if settings["schema"] is True or settings["schema"] != SCHEMA:
            raise ValueError(f"schema is {short(settings['schema'], 40)}; this version reads schema {SCHEMA}.")
        if settings["thresholds"] is not None and settings["costs"] is not None:
            raise ValueError("thresholds and costs are both given; a label is decided by one of them.")
        return Decision(
            temperature=_number(
                settings["temperature"], "temperature", least=LOWEST_TEMPERATURE, most=HIGHEST_TEMPERATURE
            ),
            thresholds=_thresholds(settings["thresholds"], classes),
            costs=_costs(settings["costs"], classes),
            abstention=_abstention(settings["abstain"]),
            validation=_calibration(settings["validation"]),
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
    shares = _object(value, classes, "thresholds")
    numbers = tuple(_number(shares[label], f"thresholds.{label}", least=0.0, most=1.0) for label in classes)
    if min(numbers) == 0.0:
        raise ValueError(f"thresholds.{classes[numbers.index(0.0)]} is 0; a number above 0 is needed.")
    if not math.isclose(math.fsum(numbers), 1.0, abs_tol=1e-6):
        raise ValueError(f"thresholds sum to {math.fsum(numbers):g}, not 1.")
    return numbers


def _costs(value: Any, classes: Sequence[str]) -> tuple[tuple[int, int, float], ...]:
    if value is None:
        return ()
    numbers = {label: number for number, label in enumerate(classes)}
    costs = []
    for true, row in _object(value, classes, "costs", all_of_them=False).items():
        for answer, cost in _object(row, classes, f"costs.{true}", all_of_them=False).items():
            if answer == true:
                raise ValueError(f"costs.{true}.{answer} is the cost of a right label, which costs nothing.")
            costs.append(
                (numbers[true], numbers[answer], _number(cost, f"costs.{true}.{answer}", least=0.0, most=_MOST))
            )
    return tuple(sorted(costs))


def _abstention(value: Any) -> Abstention | None:
    if value is None:
        return None
    settings = _object(value, _ABSTAIN, "abstain")
    target = _object(settings["wanted"], ("coverage", "accuracy"), "abstain.wanted", all_of_them=False)
    if len(target) != 1:
        raise ValueError("abstain.wanted must name exactly one of coverage and accuracy.")
    kind = "coverage" if "coverage" in target else "accuracy"
    accuracy, curve = settings["accuracy_answered"], settings["curve"]
    if not isinstance(curve, list) or len(curve) > CURVE_POINTS:
        raise ValueError(f"abstain.curve is no list of at most {CURVE_POINTS} points.")
    return Abstention(
        target="coverage" if kind == "coverage" else "accuracy",
        share=_share(target[kind], f"abstain.wanted.{kind}"),
        below=_number(settings["below"], "abstain.below", least=0.0, most=_ABOVE_ONE),
        coverage=_share(settings["coverage"], "abstain.coverage"),
        accuracy_answered=None if accuracy is None else _share(accuracy, "abstain.accuracy_answered"),
        curve=tuple(_point(item, f"abstain.curve.{number}") for number, item in enumerate(curve)),
    )


def _point(value: Any, where: str) -> RiskPoint:
    shares = _object(value, _POINT, where)
    return RiskPoint(**{key: _share(shares[key], f"{where}.{key}") for key in _POINT})


def _calibration(value: Any) -> Calibration | None:
    if value is None:
        return None
    settings = _object(value, _CALIBRATION, "validation")
    return Calibration(
        **{
            key: _number(settings[key], f"validation.{key}", least=0.0, most=_LARGEST if "loss" in key else 1.0)
            for key in _CALIBRATION
        }
    )


def _object(value: Any, keys: Sequence[str], where: str, *, all_of_them: bool = True) -> Mapping[str, Any]:
    """`value`, a mapping of `keys` and no others.

    Raises: ValueError, for the message of load.
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


def _number(value: Any, where: str, *, least: float, most: float) -> float:
    # NaN is within no bounds, and all bounds are finite.
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    bounds = f"from {least:g}" if most == _LARGEST else f"from {least:g} to {most:g}"
    raise ValueError(f"{where} is {short(value, 40)}; a number {bounds} is needed.")


def _share(value: Any, where: str) -> float:
    return _number(value, where, least=0.0, most=1.0)
