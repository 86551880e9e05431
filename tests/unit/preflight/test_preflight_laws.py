"""Laws of all findings: clean data has no warning, faults are named exactly, test rows are not read."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from labelled_rows import CLASSES, Row, clean_rows, dataset

from finetooth.data import Dataset
from finetooth.preflight import Finding, Lengths, inspect


def by_code(findings: list[Finding]) -> dict[str, list[Finding]]:
    codes: dict[str, list[Finding]] = {}
    for finding in findings:
        codes.setdefault(finding.code, []).append(finding)
    return codes


def changed(rows: list[Row], **changes: Row) -> list[Row]:
    """The rows with some of them replaced; _7 is row 7, counted from 1."""
    rows = list(rows)
    for index, row in changes.items():
        rows[int(index[1:]) - 1] = row
    return rows


def faulty(seed: int | None = None) -> Dataset:
    """A data set with every kind of fault that can be combined, in rows 1 to 40."""
    train = clean_rows(300)
    train = changed(
        train, _1=train[2], _4=("   ", "spam"), _6=("twice but not alike", "spam"), _8=("twice  but not alike", "ham")
    )
    train += [(f"rare thing number {number}", "rare") for number in range(3)]
    validation = clean_rows(60, start=1000)
    validation[9] = validation[11]
    test = clean_rows(60, start=2000)
    test[4], test[5] = test[2], ("\u200b", "ham")
    leak = {"id": "train.csv:900", "equals": "test.csv:2", "splits": ["train", "test"], "exactly": False}
    return dataset(train, validation, test, classes=(*CLASSES, "rare"), seed=seed, leaks=[leak])


def test_clean_data_has_no_finding_above_a_note() -> None:
    findings = inspect(dataset(), mislabelled=True)
    assert {finding.severity for finding in findings} <= {"note"}
    assert {finding.code for finding in findings} <= {"giveaway_words"}


def test_every_fault_names_its_rows_and_no_others() -> None:
    named = {
        (finding.code, finding.rows[0].split if finding.rows else ""): [row.id for row in finding.rows]
        for finding in inspect(faulty())
        if finding.code not in ("giveaway_words", "class_absent", "imbalance")
    }
    assert named == {
        ("conflicting_labels", "train"): ["train.csv:6", "train.csv:8"],
        ("duplicates_in_split", "train"): ["train.csv:3", "train.csv:8"],
        ("duplicates_in_split", "validation"): ["validation.csv:12"],
        ("duplicates_in_split", "test"): ["test.csv:5"],
        ("duplicates_left_out", "train"): ["train.csv:900"],
        ("empty_texts", "train"): ["train.csv:4"],
        ("empty_texts", "test"): ["test.csv:6"],
        ("few_rows", "train"): ["train.csv:301", "train.csv:302", "train.csv:303"],
    }


def test_the_order_of_the_rows_changes_nothing() -> None:
    assert inspect(faulty(), mislabelled=True) == inspect(faulty(seed=3), mislabelled=True)


def test_the_worst_comes_first() -> None:
    severities = [finding.severity for finding in inspect(faulty())]
    assert severities == sorted(severities, key=["stop", "warn", "note"].index)
    assert set(severities) == {"warn", "note"}


def test_labels_and_texts_of_test_rows_change_nothing() -> None:
    """Only repeated texts, blank texts, lengths and which classes occur may count."""
    before = faulty()
    test = before.test
    assert set(test.labels.tolist()) == {0, 1}
    texts = [f"spamword1 other {row}" for row in range(len(test))]
    texts[4], texts[5] = texts[2], "\u200b\u200d"
    other = dataclasses.replace(test, texts=tuple(texts), labels=1 - test.labels)
    after = dataclasses.replace(before, test=other)
    lengths = {"test": Lengths(test.ids, np.full(60, 9), np.full(60, 8))}
    assert inspect(before, mislabelled=True, lengths=lengths) == inspect(after, mislabelled=True, lengths=lengths)


def test_the_permitted_facts_about_test_rows_count() -> None:
    before = dataset()
    doubled = dataclasses.replace(before.test, texts=(before.test.texts[0], *before.test.texts[:-1]))
    one = dataclasses.replace(before.test, labels=np.zeros(60, dtype=np.int64))
    lengths = {"test": Lengths(before.test.ids, np.full(60, 9), np.full(60, 8))}
    assert "duplicates_in_split" in by_code(inspect(dataclasses.replace(before, test=doubled)))
    assert "class_absent" in by_code(inspect(dataclasses.replace(before, test=one)))
    assert "cut_texts" in by_code(inspect(before, lengths=lengths))


@pytest.mark.parametrize("full", [True, False])
def test_a_finding_as_json_has_its_rows_or_their_number(full: bool) -> None:
    finding = by_code(inspect(faulty()))["conflicting_labels"][0]
    findings: dict[str, Any] = finding.as_json() if full else finding.in_short()
    rows = findings.pop("rows", None)
    assert findings == {
        "code": "conflicting_labels",
        "severity": "warn",
        "says": "1 text has different labels, in 2 rows.",
        "advice": "For each, a label is wrong or the text does not determine one. Correct the labels, or remove the "
        "rows.",
        "rows_named": 2,
    }
    if full:
        assert rows[0] == {"id": "train.csv:6", "split": "train", "advice": "decide: ham or spam", "label": None}
    else:
        assert rows is None
