"""Absent, rare, unequal and misspelt classes."""

import pytest
from labelled_rows import clean_rows, dataset

from finetooth.preflight import Finding, inspect, label_spelling

MACRO = (
    "Frequent classes dominate the accuracy, so read macro-F1 too: `finetooth show RUN --wide`. To choose models "
    "by it: training.monitor: macro_f1. To give rare classes more weight: training.class_weights: balanced. To "
    "predict them more often: decision.thresholds: macro_f1."
)


def of(code: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.code == code]


def test_an_absent_class_is_named_for_each_split() -> None:
    three = (*("ham", "spam"), "eggs")
    rows = clean_rows(60, start=1000)
    findings = of("class_absent", inspect(dataset(clean_rows(300, classes=three), rows, rows, classes=three)))
    assert [(finding.severity, finding.says) for finding in findings] == [
        ("warn", "1 of 3 classes has no validation row: 'eggs'."),
        ("warn", "1 of 3 classes has no test row: 'eggs'."),
    ]


def test_classes_of_few_rows_are_named_with_them() -> None:
    train = [*clean_rows(300), *[(f"an omelette {row}", "eggs") for row in range(4)]]
    (finding,) = of("few_rows", inspect(dataset(train, classes=("ham", "spam", "eggs"))))
    assert finding.says == "1 class has fewer than 5 training rows: 'eggs'."
    assert [row.id for row in finding.rows] == [f"train.csv:{row}" for row in range(301, 305)]
    train += [("an omelette too", "eggs")]
    assert not of("few_rows", inspect(dataset(train, classes=("ham", "spam", "eggs"))))


@pytest.mark.parametrize(("ham", "severity"), [(100, None), (299, None), (300, "note"), (400, "warn"), (1000, "warn")])
def test_the_severity_of_imbalance_depends_on_its_size(ham: int, severity: str | None) -> None:
    train = [(f"text {row}", "ham" if row < ham else "spam") for row in range(ham + 100)]
    findings = of("imbalance", inspect(dataset(train)))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    if ham == 400:
        assert (findings[0].says, findings[0].advice) == (
            "The training rows are 80 % 'ham' and 20 % 'spam', the most and the least frequent of 2 classes.",
            MACRO,
        )


@pytest.mark.parametrize(
    ("classes", "pairs"),
    [
        (["Positive", "positive", "negative"], [("Positive", "positive", "only in case, spaces or signs")]),
        (["card_payment", "card-payment", "Card Payment"], [
            ("card_payment", "card-payment", "only in case, spaces or signs"),
            ("card_payment", "Card Payment", "only in case, spaces or signs"),
        ]),
        (["negative", "negatve", "positive"], [("negative", "negatve", "by one letter")]),
        (["neutral", "neutrel"], [("neutral", "neutrel", "by one letter")]),
        (["sports", "sport"], [("sport", "sports", "by one letter")]),
        (["hired", "fired", "tired"], []),
        (["class_10", "class_11", "class_1"], []),
        (["-1", "1", "1 0", "10"], []),
        (["increase", "decrease"], []),
        (["A", "A-", "A+", "B+", "B_"], []),
        (["grade A-", "grade A", "grade A+"], []),
        (["card - payment", "card__payment"], [("card - payment", "card__payment", "only in case, spaces or signs")]),
        (["C++", "C#", "C"], []),
        (["\uff41bc", "abc"], [("\uff41bc", "abc", "only in case, spaces or signs")]),
    ],
)  # fmt: skip
def test_labels_that_may_be_one(classes: list[str], pairs: list[tuple[str, str, str]]) -> None:
    assert label_spelling.variants(classes) == pairs


def test_the_rows_of_the_rarer_spelling_are_named_with_the_usual_one() -> None:
    train = [*clean_rows(300), ("a text", "Ham")]
    (finding,) = of("label_spelling", inspect(dataset(train, classes=("Ham", "ham", "spam"))))
    assert (finding.severity, finding.says) == (
        "warn",
        "The labels 'Ham' (1 row) and 'ham' (180) differ only in case, spaces or signs.",
    )
    assert [(row.id, row.label) for row in finding.rows] == [("train.csv:301", "ham")]


@pytest.mark.parametrize(("rows", "severity", "suggested"), [(15, "warn", "comedy"), (30, "note", None)])
def test_one_letter_is_a_typo_only_if_it_is_rare(rows: int, severity: str, suggested: str | None) -> None:
    classes = ("comedy", "comedies", "comedi")
    train = [(f"text {row}", "comedies" if row % 2 else "comedy") for row in range(300)]
    train += [(f"other text {row}", "comedi") for row in range(rows)]
    findings = of("label_spelling", inspect(dataset(train, train[:60], train[:60], classes=classes)))
    assert [finding.severity for finding in findings] == [severity]
    assert findings[0].says == f"The labels 'comedi' ({rows} rows) and 'comedy' (180) differ by one letter."
    # Of two frequent classes none is suggested to be the other.
    named = [("label it comedy, if the two are one class", suggested)] * rows
    assert [(row.advice, row.label) for row in findings[0].rows] == named


def test_thousands_of_numbered_labels_are_compared_and_none_is_a_typo() -> None:
    assert label_spelling.variants([f"some label {number:05}x" for number in range(5_000)]) == []


def test_many_pairs_of_frequent_labels_that_differ_by_a_letter_are_one_finding() -> None:
    pairs = [("health", "wealth"), ("heating", "eating"), ("height", "weight"), ("friction", "fiction"),
             ("sanity", "vanity"), ("lowness", "slowness"), ("comedy", "comedi")]  # fmt: skip
    classes = tuple(name for pair in pairs for name in pair)
    sizes = {name: 300 if name == "comedy" else 20 for name in classes}
    train = [(f"{name} text {row}", name) for name in classes for row in range(sizes[name])]
    slip, together = of("label_spelling", inspect(dataset(train, train, train[:60], classes=classes)))
    assert slip.says.startswith("The labels 'comedi' (40 rows) and 'comedy'")
    assert (together.severity, together.rows) == ("note", ())
    assert together.says == (
        "6 pairs of frequent labels differ by one letter, the first: The labels 'eating' (40 rows) and 'heating' (40) "
        "differ by one letter. The labels 'fiction' (40 rows) and 'friction' (40) differ by one letter."
    )
