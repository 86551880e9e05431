"""Blank texts, cut ones, and words that give the label away."""

import dataclasses

import numpy as np
import pytest
from labelled_rows import clean_rows, dataset

from finetooth.preflight import Finding, Lengths, inspect


def of(code: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.code == code]


def test_blank_texts_are_named_in_every_split() -> None:
    blanks = [(" \t", "ham"), ("\u200b\u200d", "spam")]
    findings = of(
        "empty_texts", inspect(dataset([*clean_rows(300), *blanks], test=[*clean_rows(60, start=2000), blanks[0]]))
    )
    assert [(finding.severity, finding.says) for finding in findings] == [
        ("warn", "2 training texts are blank."),
        ("warn", "1 test text is blank."),
    ]
    assert [row.id for finding in findings for row in finding.rows] == ["train.csv:301", "train.csv:302", "test.csv:61"]


def test_one_blank_text_of_a_pair_is_enough() -> None:
    data_set = dataset()
    pairs = ("", *["an answer"] * 299)
    answered = {
        name: dataclasses.replace(getattr(data_set, name), pairs=("an answer",) * 60) for name in ("validation", "test")
    }
    paired = dataclasses.replace(data_set, train=dataclasses.replace(data_set.train, pairs=pairs), **answered)
    (finding,) = of("empty_texts", inspect(paired))
    assert [row.id for row in finding.rows] == ["train.csv:1"]


def test_training_texts_that_are_all_blank_stop() -> None:
    blank = [(" " * (1 + row % 3), "ham" if row % 2 else "spam") for row in range(60)]
    (finding,) = of("empty_texts", inspect(dataset(blank)))
    assert (finding.severity, finding.says, finding.advice) == (
        "stop",
        "All 60 training texts are blank.",
        "Check data.text: it may name the wrong column.",
    )


def test_cut_rows_are_named_the_longest_first() -> None:
    tokens = np.array([4, 20, 8, 9] + [5] * 36)
    lengths = {
        "train": Lengths(tuple(f"train.csv:{row}" for row in range(1, 41)), tokens, np.minimum(tokens, 8)),
        "test": Lengths(("test.csv:1",), np.array([8]), np.array([8])),
    }
    (finding,) = of("cut_texts", inspect(dataset(), lengths=lengths))
    assert (finding.severity, finding.says) == (
        "note",
        "Cut at 8 tokens: 5.0 % of the training rows and 5.9 % of their tokens.",
    )
    assert [(row.id, row.advice) for row in finding.rows] == [
        ("train.csv:2", "shorten: 20 tokens, 8 kept"),
        ("train.csv:4", "shorten: 9 tokens, 8 kept"),
    ]
    longer = {"train": dataclasses.replace(lengths["train"], tokens=tokens * 3)}
    assert of("cut_texts", inspect(dataset(), lengths=longer))[0].severity == "warn"
    assert not of("cut_texts", inspect(dataset(), lengths={"test": lengths["test"]}))


def test_a_word_of_one_class_is_shown_with_its_shares() -> None:
    rows = [
        (f"a {'FREE' if row % 4 == 1 or row == 2 else 'plain'} text {row}", ("ham", "spam")[row % 2])
        for row in range(300)
    ]
    findings = of("giveaway_words", inspect(dataset(rows)))
    assert [(finding.severity, finding.says) for finding in findings] == [
        ("warn", "Words that nearly give the label away: 'free' in 50 % of the 'spam' rows and 0.7 % of the others.")
    ]
    named = {row.id for row in findings[0].rows}
    assert named == {f"train.csv:{row + 1}" for row in range(300) if row % 4 == 1 or row == 2}
    assert {row.advice for row in findings[0].rows} == {"contains free"}


@pytest.mark.parametrize(
    ("sign", "shown"),
    [("★★★★★", ["★", "★★★★★"]), (":)", [":)"]), ("😀", ["😀"]), ("...", ["..."]), ("\u0301\u0302", [])],
)
def test_signs_that_give_the_label_away_are_words_too(sign: str, shown: list[str]) -> None:
    rows = [(f"a plain text, {row}. {sign if row % 4 == 1 else ''}", ("ham", "spam")[row % 2]) for row in range(300)]
    findings = of("giveaway_words", inspect(dataset(rows)))
    shown_words = [repr(word) for word in shown]
    assert [all(word in finding.says for word in shown_words) for finding in findings] == [True] * bool(shown)
    assert [len(finding.rows) for finding in findings] == [75] * bool(shown)


def test_a_symbol_is_the_same_word_in_any_run_and_runs_differ_by_their_length() -> None:
    rows = [(f"text {row} {('★', '★★★★★')[row % 2]}", ("ham", "spam")[row % 2]) for row in range(300)]
    (finding,) = of("giveaway_words", inspect(dataset(rows)))
    assert "away: '★★★★★' in 100 % of the 'spam' rows and 0 % of the others." in finding.says
    mixed = [
        (f"text {row}" + ("" if row % 2 else ("😀!", "😀", "(😀)")[row % 3]), ("ham", "spam")[row % 2])
        for row in range(300)
    ]
    assert "'😀' in 100 % of the 'ham' rows" in of("giveaway_words", inspect(dataset(mixed)))[0].says


def test_a_word_of_a_tenth_of_a_class_at_least() -> None:
    def noted(marked: int, of_class: int) -> bool:
        rows = [(f"text {row}{' free' if row < marked else ''}", "spam") for row in range(of_class)]
        rows += [(f"text 1{row:03}", "ham") for row in range(of_class)]
        findings = of("giveaway_words", inspect(dataset(rows)))
        return any("'free'" in finding.says for finding in findings)

    assert (noted(39, 400), noted(40, 400)) == (False, True)


def test_a_word_is_shown_only_if_chance_does_not_explain_it() -> None:
    """A word in few rows of one class, or in other classes too, decides nothing."""

    def is_shown(inside: int, outside: int) -> bool:
        rows = [(f"text {row}{' free' if row < inside else ''}", "spam") for row in range(100)]
        rows += [(f"text 1{row:03}{' free' if row < outside else ''}", "ham") for row in range(100)]
        return bool(of("giveaway_words", inspect(dataset(rows))))

    assert (is_shown(12, 0), is_shown(40, 0)) == (False, True)
    assert (is_shown(90, 4), is_shown(90, 20)) == (True, False)
