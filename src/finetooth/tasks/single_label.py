"""Exactly one label for each example: class names and numbers, the most likely class, and the metrics."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.errors import DataError, DivergedError, RecipeError
from finetooth.tasks.metric import Logits, Metric, Outputs, Scores, Targets
from finetooth.tasks.task import Task
from finetooth.tasks.value_names import value_name

_VALUES_AT_ONCE = 2**21  # float64 logits held at a time: 16 MiB, so that 10,000 classes cost no more than two
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0+)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SEVERAL = re.compile(r"[;,|]")
_MOST_NAMED = 12
_LIST = re.compile(r"[\[({].*[\])}]")


@dataclass(frozen=True, slots=True)
class ClassLabels:
    """The classes in their order, and how names in the files become their numbers.

    first_number: the number of the first class, 0 or 1, in files that hold numbers for declared names; else None.
    """

    classes: tuple[str, ...]
    are_integers: bool
    first_number: int | None
    notes: tuple[str, ...]

    def encode(self, names: Sequence[str]) -> npt.NDArray[np.int64]:
        """The class number of every name, (N,) int64; -1 where the name is no class."""
        numbers = {_plain(name): number for number, name in enumerate(self.classes)} if self.are_integers else {}
        numbers |= {name: number for number, name in enumerate(self.classes)}
        known = {name: self._number(name, numbers) for name in set(names)}
        return np.fromiter((known[name] for name in names), dtype=np.int64, count=len(names))

    def _number(self, name: str, numbers: dict[str, int]) -> int:
        if name in numbers or not self.are_integers or not _WHOLE.fullmatch(name):
            return numbers.get(name, -1)
        if self.first_number is None:
            return numbers.get(_plain(name), -1)
        index = int(_plain(name)) - self.first_number
        return index if 0 <= index < len(self.classes) else -1


def resolve(
    names: Collection[str], *, declared: Sequence[str] | None, least: int = 2, first_number: int | None = None
) -> ClassLabels:
    """The classes that `names` (the distinct names of the training rows) make, in declared or sorted order.

    Whole numbers sort by value; 1.0 is the class `1`. If the files hold only numbers and none of the declared names,
    the declared names are numbered 0 to C-1 or 1 to C. least: how many classes the rows must hold (1 to evaluate).
    first_number: the number of the first class in the rows of a run; if it is not known, 0 or C among the numbers
    shows it.
    Raises: RecipeError if a name is declared twice or fewer than two are; DataError if there is only one class, and for
    undeclared names that hold several labels in one or are numbers with fractions.
    """
    present = set(names)
    are_integers = bool(present) and all(_WHOLE.fullmatch(name) for name in present)
    if declared is not None:
        return _declared(
            present,
            [unicodedata.normalize("NFC", name.strip()) for name in declared],
            are_integers=are_integers,
            least=least,
            first_number=first_number,
        )
    if are_integers:
        present = {_plain(name) if "." in name or name[0] in "+-" else name for name in present}
    _refuse_several(present)
    _refuse_scores(present)
    if len(present) < least:
        only = f"only the label {next(iter(present))!r}" if present else "no label"
        raise DataError(
            f"the training rows hold {only}; two classes or more are needed. "
            "Check data.label and data.keep, and whether the file is a part of a sorted one."
        )
    ordered = sorted(present, key=lambda name: (int(name), name)) if are_integers else sorted(present)
    return ClassLabels(classes=tuple(ordered), are_integers=are_integers, first_number=None, notes=())


def answers(logits: Logits) -> npt.NDArray[np.int64]:
    """The class number of the largest logit in each row of (N, C), as (N,) int64; of equal logits the lowest class.

    Raises: DivergedError if a logit is not finite.
    """
    assert logits.ndim == 2 and logits.shape[1] > 0
    for start, block in _blocks(logits):
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            raise DivergedError(
                f"logits of row {start + int(np.argmin(finite))} of {len(logits)} (from 0) are not finite."
            )
    return np.asarray(logits.argmax(axis=1), np.int64)


def probabilities(logits: Logits, temperature: float) -> npt.NDArray[np.float64]:
    """The softmax (N, C) float64 of logits (N, C) divided by the temperature."""
    wide = logits.astype(np.float64) / temperature
    weights = np.exp(wide - wide.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _losses(outputs: Outputs, targets: Targets) -> Scores:
    """Cross-entropy of each example in nats, (N,) float64: log-sum-exp of its logits minus the true one's."""
    values = np.empty(len(targets), np.float64)
    for start, block in _blocks(outputs.logits):
        wide = block.astype(np.float64) / outputs.temperature
        top = wide.max(axis=1)
        truth = targets[start : start + len(block)]
        values[start : start + len(block)] = (
            np.log(np.exp(wide - top[:, None]).sum(axis=1)) + top - wide[np.arange(len(block)), truth]
        )
    return values


def _macro_f1(outputs: Outputs, targets: Targets) -> float:
    """Mean F1 over the classes that occur in the targets or the answers; a class absent from both has no F1."""
    answers = outputs.answers
    classes = int(max(answers.max(), targets.max())) + 1
    right = np.bincount(targets[answers == targets], minlength=classes)
    named = np.bincount(answers, minlength=classes) + np.bincount(targets, minlength=classes)
    present = named > 0
    return float((2 * right[present] / named[present]).sum()) / int(present.sum())


def _macro_f1_scores(outputs: Outputs, targets: Targets) -> Scores:
    """A value for each example, (N,) float64, whose mean is macro-F1 and whose spread is that of its jackknife.

    Without example i, macro-F1 would be m_i: the value is m + (N - 1) (mean of all m_j - m_i). The classes are those of
    macro-F1; one that would be absent without the example counts with 0.
    Source: Tukey 1958, "Bias and confidence in not quite large samples" (pseudo-values). The delta method (Takahashi et
    al. 2022) gives the same with many rows of each class and shorter intervals with few.
    """
    answers, count = outputs.answers, len(targets)
    classes = int(max(answers.max(), targets.max())) + 1
    hit = answers == targets
    right = np.bincount(targets[hit], minlength=classes)
    named = np.bincount(answers, minlength=classes) + np.bincount(targets, minlength=classes)
    present = int((named > 0).sum())

    def f1(right: npt.NDArray[np.int64], named: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        return np.divide(2 * right, named, out=np.zeros(len(named)), where=named > 0)

    of_class = f1(right, named)
    # A right answer counts twice in `named` of its class; a wrong one counts in two classes, once in each.
    of_label = f1(right[targets] - hit, named[targets] - 1 - hit) - of_class[targets]
    of_answer = np.where(hit, 0.0, f1(right[answers], named[answers] - 1) - of_class[answers])
    without = (of_label + of_answer) / present  # m_i - m
    return np.asarray(of_class.sum() / present + (count - 1) * (without.mean() - without), np.float64)


def _hits(outputs: Outputs, targets: Targets) -> Scores:
    """1.0 for each right answer and 0.0 for each wrong one, (N,) float64."""
    return np.asarray(outputs.answers == targets, np.float64)


def _blocks(logits: npt.NDArray[np.floating]) -> Iterator[tuple[int, npt.NDArray[np.floating]]]:
    rows = max(1, _VALUES_AT_ONCE // logits.shape[1])
    for start in range(0, len(logits), rows):
        yield start, logits[start : start + rows]


def _declared(
    in_rows: set[str], declared: list[str], *, are_integers: bool, least: int, first_number: int | None
) -> ClassLabels:
    doubled = sorted({name for name in declared if declared.count(name) > 1})
    if doubled:
        raise RecipeError(f"data.labels: {doubled[0]!r} occurs twice. Name every class once.")
    if len(declared) < 2:
        raise RecipeError(f"data.labels: {len(declared)} name is declared; two classes or more are needed.")
    if are_integers:
        named = {_plain(name): name for name in declared}
        in_rows = {name if name in declared else named.get(_plain(name), name) for name in in_rows}
    first = None
    if are_integers and not in_rows & set(declared):
        first = _first_number({int(_plain(name)) for name in in_rows}, count=len(declared), known=first_number)
    present = in_rows if first is None else {declared[int(_plain(name)) - first] for name in in_rows}
    notes = []
    if first is not None:
        pairs = ", ".join(f"{number} = {name}" for number, name in enumerate(declared[:10], start=first))
        notes.append(f"labels are numbers and were read as declared in data.labels: {pairs}.")
    if 0 < len(present & set(declared)) < least:
        raise DataError(
            f"the training rows hold only the label {next(iter(present & set(declared)))!r} of those declared; "
            "two classes or more are needed."
        )
    return ClassLabels(classes=tuple(declared), are_integers=are_integers, first_number=first, notes=tuple(notes))


def _first_number(numbers: set[int], *, count: int, known: int | None) -> int | None:
    """The number, 0 or 1, of the first of `count` declared names; None if the numbers fit neither.

    known: the number in the rows of a run, if it is known.
    Raises: DataError if the numbers fit both.
    """
    fitting = [first for first in (0, 1) if all(first <= number < first + count for number in numbers)]
    if known is not None:
        return known if known in fitting else None
    if len(fitting) == 2:
        listed = ", ".join(map(str, sorted(numbers)[:10]))
        raise DataError(
            f"the labels are the numbers {listed}, and data.labels names {count} classes: neither 0 nor "
            f"{count} is among them, so whether they count from 0 or from 1 is not known. Write the names into the "
            "column of the labels."
        )
    return fitting[0] if fitting else None


def _plain(name: str) -> str:
    """A whole number as it is usually written: 1.0, +1 and 01 as `1`; any other name unchanged."""
    return str(int(name.partition(".")[0])) if _WHOLE.fullmatch(name) else name


def _refuse_several(names: set[str]) -> None:
    """Check that no name holds several labels: `a;b` beside `a` and `b`, combinations of parts, or a list in brackets.

    Raises: DataError naming one.
    """
    bracketed = [name for name in names if _LIST.fullmatch(name)]
    parts = {name: [part.strip() for part in _SEVERAL.split(name)] for name in names if _SEVERAL.search(name)}
    uses = Counter(part for listed in parts.values() for part in set(listed))
    several = [
        name
        for name, listed in parts.items()
        if names.issuperset(listed) or all(part in names or uses[part] > 1 for part in listed)
    ]
    if several or (bracketed and len(bracketed) == len(names)):
        raise DataError(
            f"label {min(several or bracketed)!r} looks like several labels in one: several labels for one text are "
            "not supported. Keep one label for each text; or, if each such value is a class of its own, name all "
            "classes: data.labels: [...]"
        )


def _refuse_scores(names: set[str]) -> None:
    """Check that the names are not numbers with fractions.

    Raises: DataError naming some.
    """
    if not all(_NUMBER.fullmatch(name) for name in names):
        return
    fractions = sorted(name for name in names if not float(name).is_integer())
    if fractions:
        listed = f"[{', '.join(sorted(names, key=float))}]" if len(names) <= _MOST_NAMED else "[...]"
        raise DataError(
            f"the labels are numbers with fractions ({', '.join(fractions[:3])}), as scores are: predicting a number "
            "(regression) is not supported yet. Name a column of classes; or, if each number is a class of its own, "
            f"name all classes: data.labels: {listed}"
        )


TASK = Task(
    name="single_label",
    loss="cross_entropy",
    metrics=(
        Metric(
            key="accuracy",
            title="accuracy",
            unit="share",
            better="higher",
            bounds=(0.0, 1.0),
            scores=_hits,
            paired_test="mcnemar",
        ),
        Metric(
            key="loss",
            title="loss",
            unit="nats",
            better="lower",
            bounds=(0.0, math.inf),
            scores=_losses,
        ),
        Metric(
            key="macro_f1",
            title="macro-F1",
            unit="share",
            better="higher",
            bounds=(0.0, 1.0),
            scores=_macro_f1_scores,
            aggregate=_macro_f1,
            least_per_stratum=10,
        ),
    ),
    parse=value_name,
    resolve=resolve,
    unknown=lambda targets: np.asarray(targets < 0),
    names=lambda targets, classes: [classes[number] for number in targets.tolist()],
    outputs=len,
    answers=answers,
    probabilities=probabilities,
    strata=lambda targets: targets,  # every split holds the classes in proportion
)
