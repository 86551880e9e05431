"""Texts that occur more than once."""

from labelled_rows import clean_rows, dataset

from finetooth.preflight import Finding, inspect


def only(code: str, findings: list[Finding]) -> Finding:
    (finding,) = [finding for finding in findings if finding.code == code]
    return finding


def test_exact_and_normalised_repeats_are_counted_apart() -> None:
    train = [*clean_rows(300), ("one film", "ham"), ("one film", "ham"), ("one\u00a0 film", "ham"), ("One film", "ham")]
    finding = only("duplicates_in_split", inspect(dataset(train)))
    assert [(row.id, row.advice) for row in finding.rows] == [
        ("train.csv:302", "remove: repeats train.csv:301"),
        ("train.csv:303", "remove: repeats train.csv:301"),
    ]
    assert (finding.severity, finding.says) == (
        "note",
        "2 training rows (0.7 %) repeat the text of another, 1 of them only after Unicode and spaces are normalised.",
    )


def test_from_one_in_a_hundred_a_repetition_warns() -> None:
    finding = only(
        "duplicates_in_split", inspect(dataset(test=[*clean_rows(60, start=2000), *clean_rows(1, start=2000)]))
    )
    assert (finding.severity, finding.says) == ("warn", "1 test row (1.6 %) repeats the text of another.")
    assert finding.advice == (
        "Such texts weigh more in results; intervals count each text once. Finetooth never changes a test set."
    )
    assert [(row.id, row.advice) for row in finding.rows] == [("test.csv:61", "for information: repeats test.csv:1")]


def test_dropped_rows_are_a_finding() -> None:
    leaks = [
        {"id": f"a.csv:{row}", "equals": "b.csv:2", "splits": ["train", "test"], "exactly": row > 9} for row in (11, 9)
    ]
    finding = only("duplicates_left_out", inspect(dataset(leaks=leaks)))
    assert (finding.severity, finding.says) == (
        "note",
        "2 training rows that equal a test row were dropped, 1 of them only after Unicode and spaces are normalised.",
    )
    assert [(row.id, row.split, row.advice) for row in finding.rows] == [
        ("a.csv:9", "train", "dropped: equals b.csv:2"),
        ("a.csv:11", "train", "dropped: equals b.csv:2"),
    ]


def test_a_conflict_suggests_the_label_of_most_copies() -> None:
    train = [*clean_rows(300), ("a b", "ham"), ("a  b", "spam"), ("c", "ham")]
    finding = only("conflicting_labels", inspect(dataset(train)))
    assert [(row.id, row.advice, row.label) for row in finding.rows] == [
        ("train.csv:301", "decide: ham or spam", None),
        ("train.csv:302", "decide: ham or spam", None),
    ]
    finding = only("conflicting_labels", inspect(dataset([*train, ("c", "ham"), ("c", "spam")])))
    assert finding.says == "2 texts have different labels, in 5 rows."
    assert [(row.id, row.advice, row.label) for row in finding.rows[2:]] == [
        (f"train.csv:{row}", "label it ham, as most of its copies", "ham") for row in (303, 304, 305)
    ]


def test_a_conflict_reaches_from_training_to_validation_but_never_into_test() -> None:
    train, test = [*clean_rows(300), ("a b", "ham")], [*clean_rows(60, start=2000), ("a b", "spam")]
    findings = inspect(dataset(train, test=test))
    assert "conflicting_labels" not in {finding.code for finding in findings}
    findings = inspect(dataset(train, [*clean_rows(60, start=1000), ("a b", "spam")]))
    assert [row.id for row in only("conflicting_labels", findings).rows] == ["train.csv:301", "validation.csv:61"]
