"""Predictions of any systems judged on the same labelled rows: figures, and the differences to the first file."""

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.data import answers, overlap
from finetooth.data.answers import Predictions, Truth
from finetooth.data.examples import Examples, content_id
from finetooth.errors import DataError, did_you_mean
from finetooth.evaluation import claim
from finetooth.evaluation.gap import gap
from finetooth.evaluation.intervals import interval_as_json, metric_interval
from finetooth.evaluation.significance import Paired, holm, paired
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.runs import ledger
from finetooth.runs.ledger import RowKeys
from finetooth.tasks import DEFAULT, Labels, Outputs, Scores, Targets, Task
from finetooth.wording import counted, cut, listed, short, shown

_LONGEST_NAME, _SHOWN = 40, 5
_EMPTY = "leave the label empty where there is no answer: it counts as wrong"


def judge(files: Sequence[str | Path], *, truth: str | Path, group: str | None = None) -> dict[str, Any]:
    """Accuracy and macro-F1 of files of predictions on the same labelled rows, and each difference to the first file.

    files: each with a label for every labelled row, matched by a column `id` if both files have it, else by text, else
    by a column `row` (from 1, as `finetooth predict` writes). An empty label is wrong. Other columns are ignored.
    truth: the labelled rows. group: a column of them; rows that share its value or a text count as one
    (evaluation.units).

    A difference is the accuracy of the file minus that of the first; p_holm is corrected over the later files. outcome
    is `better` or `worse` if p_holm is below `alpha`, which falls with each look at these rows (evaluation.terms);
    `open` if it is not; `too_few` if there are too few rows for a verdict; None for the first file. The look is
    recorded (runs.ledger), unless the same files were judged on the same rows before.
    Nothing is verified: what the files contain is believed.
    Raises: DataError for a file that cannot be read, and for rows or labels that do not match (data.answers).
    """
    task, rows = DEFAULT, answers.read_truth(Path(truth), group=group)
    labels = _labels(rows, task)
    targets = labels.encode(rows.labels)
    every = [answers.read_predictions(Path(file), rows) for file in files]
    predicted = [_predicted(predictions, rows, labels, task) for predictions in every]
    test_id, keys, row_keys = _keys(rows, targets, classes=labels.classes, task=task)
    history = ledger.open_predictions(row_keys, list(map(Path, files)))
    units = Units.of(overlap.units(keys, rows.groups))
    terms = Terms(units=units, looks=history.looks, group=group)
    lines = [
        _line(predictions, numbers, targets, classes=labels.classes, terms=terms, task=task)
        for predictions, numbers in zip(every, predicted, strict=True)
    ]
    _compare(lines, [_hits(numbers, targets) for numbers in predicted], terms)
    return {
        "schema": 1,
        "task": task.name,
        "truth": str(truth),
        "test_id": test_id,
        **history.as_json(),
        "examples": len(targets),
        "units": units.count,
        "group": group,
        "classes": list(labels.classes),
        "reference": str(files[0]),
        "alpha": terms.alpha,
        "verified": False,
        "rows": lines,
    }


def _labels(rows: Truth, task: Task) -> Labels:
    try:
        return task.resolve(set(rows.labels), declared=None, least=1)
    except DataError as error:
        raise DataError(f"{rows.name}: {error}") from None


def _predicted(predictions: Predictions, rows: Truth, labels: Labels, task: Task) -> npt.NDArray[np.int64]:
    """The class number that is predicted for each labelled row, (N,); the number of classes where there is none."""
    order = _match_rows(predictions, rows)
    none = np.array([label is None for label in predictions.labels], np.bool_)
    numbers = labels.encode([label or "" for label in predictions.labels])
    unknown = np.flatnonzero(task.unknown(numbers) & ~none)
    _check_known(predictions, rows, unknown=unknown.tolist(), classes=labels.classes)
    return np.asarray(np.where(none, len(labels.classes), numbers)[order], np.int64)


def _match_rows(predictions: Predictions, truth: Truth) -> list[int]:
    """The index of the prediction of each labelled row.

    Raises: DataError with the number and the first of the labelled rows without a prediction, the predictions of no
    labelled row, and the rows with another label than an earlier row for the same id, text or row.
    """
    keys = truth.keys(predictions.matched_by)
    known, first = set(keys), dict[Hashable, int]()
    unknown, others = list[int](), list[int]()
    for index, key in enumerate(predictions.keys):
        if key not in known:
            unknown.append(index)
        elif predictions.labels[first.setdefault(key, index)] != predictions.labels[index]:
            others.append(index)
    missing = [row for row, key in enumerate(keys) if key not in first]
    problems = []
    if others:
        earlier = predictions.numbers[first[predictions.keys[others[0]]]]
        advice = "give both files a column `id`" if predictions.matched_by == "text" else "correct one of them"
        problems.append(
            f"{counted(len(others), 'row')} with another label than an earlier row for the same "
            f"{predictions.matched_by} (first: {predictions.row(others[0])}; the earlier is row {earlier:,}). Keep one "
            f"of the two, or {advice}."
        )
    if unknown:
        problems.append(
            f"{counted(len(unknown), 'prediction')} without a labelled row in {truth.name} (first: "
            f"{predictions.row(unknown[0])}). Remove them, or name the file with those rows as --truth."
        )
    if missing:
        problems.append(
            f"{len(missing):,} of {counted(len(keys), 'labelled row')} without a prediction (first: "
            f"{truth.row(missing[0])}). Add them, or {_EMPTY}."
        )
    if problems:
        raise DataError("\n".join(f"{predictions.name}: {problem}" for problem in problems))
    order = [first[key] for key in keys]
    if predictions.text_keys is not None:
        _check_same_texts(predictions, truth, order=order, text_keys=predictions.text_keys)
    return order


def _check_same_texts(
    predictions: Predictions, truth: Truth, *, order: Sequence[int], text_keys: Sequence[bytes]
) -> None:
    """Check that rows with the same id have the same text. order: of _match_rows. Raises: DataError with the first."""
    texts = truth.keys("text")
    others = [index for row, index in enumerate(order) if text_keys[index] != texts[row]]
    if others:
        raise DataError(
            f"{predictions.name}: {counted(len(others), 'row')} with another text than the labelled row with the same "
            f"id (first: {predictions.row(others[0])}). Correct the ids, or remove the column `id` to match by text."
        )


def _check_known(predictions: Predictions, truth: Truth, *, unknown: Sequence[int], classes: Sequence[str]) -> None:
    """Check that each prediction is a label of the labelled rows. unknown: the predictions that are not.

    Raises: DataError with their number, the first, and the nearest label.
    """
    if unknown:
        label = str(predictions.labels[unknown[0]])
        raise DataError(
            f"{predictions.name}: {counted(len(unknown), 'prediction')} with a label that {truth.name} does not have "
            f"(first: {predictions.row(unknown[0])}: {short(label)}).{did_you_mean(label, classes)} Its labels: "
            f"{listed(classes, _SHOWN)}. Correct them, or {_EMPTY}."
        )


def _keys(rows: Truth, targets: Targets, *, classes: tuple[str, ...], task: Task) -> tuple[str, list[bytes], RowKeys]:
    """The test id, the key of each row's text, and the keys for the ledger. Without texts, an id and its label are one.

    The label is added because unrelated data has the ids 1, 2, 3 too.
    """
    names = task.names(targets, classes)
    texts, pairs = (rows.texts, rows.pairs) if rows.texts is not None else (rows.ids or (), names)
    examples = Examples(tuple(map(str, rows.numbers)), tuple(texts), None if pairs is None else tuple(pairs), targets)
    keys = overlap.keys(texts, pairs)
    test_id = content_id(examples, classes=classes, task=task)
    return test_id, keys, RowKeys.of(test_id, keys, ledger.row_keys(keys, names))


def _outputs(numbers: npt.NDArray[np.int64]) -> Outputs:
    return Outputs(np.empty((len(numbers), 0), np.float32), numbers)


def _hits(numbers: npt.NDArray[np.int64], targets: Targets) -> Scores:
    return DEFAULT.headline.each(_outputs(numbers), targets)


def _line(
    predictions: Predictions,
    numbers: npt.NDArray[np.int64],
    targets: Targets,
    *,
    classes: Sequence[str],
    terms: Terms,
    task: Task,
) -> dict[str, Any]:
    """The figures of one file."""
    hits, unanswered = _hits(numbers, targets), int((numbers == len(classes)).sum())
    macro_f1 = task.metric("macro_f1").value(_outputs(numbers), targets)
    if unanswered:  # no answer was counted as one more class, with an F1 of 0
        macro_f1 *= (len(classes) + 1) / len(classes)
    metric = terms.metric
    return {
        "file": predictions.name,
        "matched_by": predictions.matched_by,
        "label_column": predictions.label_column,
        "unanswered": unanswered,
        metric.key: float(hits.sum()) / len(hits),
        f"{metric.key}_interval": interval_as_json(metric_interval(metric, hits, units=terms.units)),
        "macro_f1": macro_f1,
        **dict.fromkeys(
            ("difference", "difference_interval", "only_row", "only_reference", "p", "p_holm", "outcome", "verdict")
        ),
    }


def _compare(lines: Sequence[dict[str, Any]], hits: Sequence[Scores], terms: Terms) -> None:
    """Add the comparison with the first file to the line of each later one."""
    pairs = [paired(scores, hits[0], test=terms.metric.paired_test, units=terms.units) for scores in hits[1:]]
    for line, pair, p_holm in zip(lines[1:], pairs, holm([pair.p for pair in pairs]), strict=True):
        outcome = _outcome(pair, p_holm, alpha=terms.alpha)
        line |= {
            "difference": pair.difference,
            "difference_interval": interval_as_json(pair.interval()),
            "only_row": pair.only_a,
            "only_reference": pair.only_b,
            "p": pair.p,
            "p_holm": p_holm,
            "outcome": outcome,
            "verdict": _verdict(_title(line["file"]), _title(lines[0]["file"]), pair, outcome),
        }


def _outcome(pair: Paired, p_holm: float, *, alpha: float) -> str:
    if pair.examples < claim.LEAST_EXAMPLES or pair.differing < claim.LEAST_DIFFERING:
        return "too_few"
    side = "better" if pair.difference > 0 else "worse"
    return side if p_holm < alpha else "open"


def _verdict(name: str, first: str, pair: Paired, outcome: str) -> str:
    difference = gap(pair, DEFAULT.headline, "")
    if outcome in ("better", "worse"):
        return f"{name} is {difference.positive.text()} {outcome} in accuracy than {first}."
    sentence = f"{name} differs from {first} by {difference.text(signed=True)}"
    if outcome == "open":
        return f"{sentence}."
    few = f"{counted(pair.examples, 'labelled row')}, and a verdict needs {claim.LEAST_EXAMPLES}"
    if pair.examples >= claim.LEAST_EXAMPLES:
        rows = counted(pair.differing, "row") if pair.differing else "no row"
        few = f"just one of the two is right on {rows}, and a verdict needs {claim.LEAST_DIFFERING} such rows"
    return f"{sentence}: {few}."


def _title(name: str) -> str:
    return cut(shown(name, len(name)), _LONGEST_NAME, keep_end=True)
