"""The verdict on a winner that has not learned: it is neither "worth it" nor "not worth it"."""

from dataclasses import replace

import pytest
from test_verdict import BASELINES, GOOD, MAJORITY, candidate, judge, rights

from finetooth.evaluation.learning import Learning, Sign

ONE_CLASS = Sign("one_class", "it answers 'bad' for 98 % of the validation rows (50 % are 'bad')")
FALLING = Sign("still_falling", "its validation loss was still falling: from 0.71 to 0.58 in the last epoch")
UNLEARNED = Learning((FALLING, ONE_CLASS), {"training.epochs": 9}, "Train again with training.epochs=9 (now 3).")


def test_a_winner_that_has_not_learned_is_not_called_not_worth_it():
    bad = replace(candidate("lora-r8", rights((100, 500))), learning=UNLEARNED)
    smaller = candidate("lora-r4", rights((100, 500)), trained=500)
    headline = "lora-r8 has not learned: its validation loss was still falling: from 0.71 to 0.58 in the last epoch."
    assert judge([*BASELINES, bad, smaller], failed=["lora-r16"]) == {
        "text": (
            f"{headline} It answers 'bad' for 98 % of the validation rows (50 % are 'bad'). This run does not show "
            "whether fine-tuning is worth it. The winner differs from the best baseline (tfidf) by -5.0 points (-6.7 "
            "to -3.3). Train again with training.epochs=9 (now 3). lora-r16 failed and is not judged."
        ),
        "headline": headline,
        "outcome": "unlearned",
        "worth_it": None,
        "unlearned": {
            "name": "lora-r8",
            "seed": 1,
            "signs": [
                {"sign": "still_falling", "text": FALLING.text},
                {"sign": "one_class", "text": ONE_CLASS.text},
            ],
            "changes": {"training.epochs": 9},
        },
        "winner": {"name": "lora-r8", "seed": 1},
        "smallest_sufficient": None,
        "rows_needed": None,
        "rows_to_show": None,
    }


def test_neither_is_one_that_is_not_shown_to_be_better():
    near = replace(candidate("lora-r8", rights((20, 310))), learning=UNLEARNED)
    judged = judge([*BASELINES, near])
    assert judged["worth_it"] is None and judged["rows_to_show"] is None
    assert " The winner differs from the best baseline (tfidf) by +0.5 points (0.0 to 1.1). Train" in judged["text"]
    alone = judge([near])
    assert alone["text"].startswith(judged["headline"]) and "The winner differs" not in alone["text"]


@pytest.mark.parametrize("baselines", [BASELINES, [replace(MAJORITY, chance=True)]])
def test_one_that_beats_every_baseline_has_learned(baselines):
    judged = judge([*baselines, replace(GOOD, learning=UNLEARNED)])
    assert judged["unlearned"] is None and "has not learned" not in judged["text"]
    assert judged == judge([*baselines, GOOD])


def test_another_candidate_that_answers_one_class_is_named():
    other = replace(candidate("lora-r16", rights((0, 1000)), trained=2000), learning=Learning((ONE_CLASS,)))
    falling = replace(candidate("lora-r32", rights((0, 900)), trained=4000), learning=Learning((FALLING,)))
    text = judge([*BASELINES, GOOD, other, falling])["text"]
    assert text.endswith(
        " lora-r16 has not learned: it answers 'bad' for 98 % of the validation rows (50 % are 'bad')."
    )
    assert "lora-r32" not in text
    unlearned = replace(candidate("lora-r8", rights((0, 1000))), learning=UNLEARNED)
    assert "lora-r16 has not learned: it answers" in judge([*BASELINES, unlearned, other])["text"]
