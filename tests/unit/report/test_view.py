"""The facts of a run are those of its files."""

import pytest
from test_terminal import BASELINES, COMPARISON, ROWS, contract, row, verdict

from finetooth.report.view import view


@pytest.mark.parametrize(
    ("headline", "more"),
    [
        ("Worth it: a beats b by 1.4 points (1.0 to 1.8).", "One seed shows little."),
        ("No verdict: there is no candidate.", ""),
        ("r8 has not learned: it answers 'Dr. X' for 98 % of the validation rows.", "Train again."),
    ],
)
def test_the_first_sentence_is_the_headline(headline, more):
    judged = verdict(f"{headline} {more}".strip()) | {"headline": headline}
    run = view(contract(ROWS, verdict=judged), COMPARISON)
    assert (run.headline, run.more) == (headline, more)


def test_a_class_that_turns_text_is_calmed_in_the_verdict():
    judged = verdict("r8 answers 'X \u202e' for all.")
    assert view(contract(ROWS, verdict=judged), COMPARISON).headline == "r8 answers 'X \ufffd' for all."


def test_rows_are_marked_by_what_the_files_say_of_them():
    run = view(contract(ROWS), COMPARISON)
    assert [row.title for row in run.rows if row.is_winner] == ["lora-r16"]
    assert [row.title for row in run.rows if row.is_best_baseline] == ["tfidf"]
    assert [row.title for row in run.rows if row.is_chance] == ["original"]
    assert [(row.name, row.measured.gain, row.measured.p) for row in run.compared] == [
        ("lora-r8", 0.013, 1e-9),
        ("lora-r16", -0.014, 0.0123),
    ]
    assert [row.name for row in run.looked_at] == ["lora-r16", "tfidf", "original"]


def test_a_failed_row_has_no_figures_and_is_no_winner_to_look_at():
    bad = row("lora-r16", status="failed", error="no.", test=None)
    run = view(contract([*BASELINES, bad]), COMPARISON)
    assert run.winner is None and run.chosen == ("lora-r16", 21)
    assert run.rows[-1].figures is None and run.rows[-1].error == "no."


def test_full_fine_tuning_is_a_reference():
    run = view(contract([*BASELINES, row("full", "baseline", 1, 0.91)]), COMPARISON)
    assert [row.role for row in run.rows] == ["baseline"] * 3 + ["reference"]
