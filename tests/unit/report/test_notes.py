"""Each sentence says what the facts show, and nothing where they show nothing."""

from dataclasses import replace

import pytest

from finetooth.report.notes import notes
from finetooth.report.view import Figures, RowView, RunView
from finetooth.runs.results import Inference, RowCosts
from finetooth.wording import row_titles

FIGURES = Figures(examples=100, accuracy=0.8, level=0.8, interval=(0.7, 0.9))


def row(name, *, seed=None, candidate=False, frozen=None, **facts):
    costs = RowCosts(name=name, seed=seed, frozen=frozen)
    role = "candidate" if candidate else "baseline"
    return {"name": name, "seed": seed, "role": role, "figures": FIGURES, "costs": costs} | facts


def notes_of(*rows, units=None):
    titles = row_titles((one["name"], one["seed"]) for one in rows)
    run = RunView(
        name="r", model="", complete=True, test_openings=1, train=1, validation=1, test=100, classes=("a", "b"),
        units=units, max_tokens=512, rows=[RowView(**one, title=titles[one["name"], one["seed"]]) for one in rows],
    )  # fmt: skip
    return notes(run, beside_accuracy=False)


def test_rows_that_are_cut_are_told_by_their_share():
    words, probe = row("tfidf"), row("probe", cut=0.152)
    a, b = row("a", candidate=True, cut=0.152), row("b", candidate=True, cut=0.152)
    assert notes_of(words, probe, a, b) == [
        "15 % of test rows are cut at 512 tokens for probe and candidates; tfidf reads them whole."
    ]
    assert notes_of(words, row("nb_words"), probe, a) == [
        "15 % of test rows are cut at 512 tokens for probe and a; tfidf and nb_words read them whole."
    ]
    assert notes_of(probe, a) == ["15 % of test rows are cut at 512 tokens for probe and a."]
    assert notes_of(words, probe, row("probe-x", cut=0.004), a) == [
        "15 % of test rows are cut at 512 tokens for probe and a, 0.4 % for probe-x; tfidf reads them whole."
    ]


def test_where_no_row_is_cut_nothing_is_told():
    assert notes_of(row("tfidf"), row("a", candidate=True, cut=0.0)) == []


def test_what_freezing_took_and_saved_is_told():
    frozen = {"layers": 3, "after_epochs": 1, "states_seconds": 21.4, "time_ratio": 0.551}
    sentence = (
        "the lowest 3 layers frozen after 1 epoch, and their outputs computed once (21 s); after that, a training "
        "example took 0.55 times as long as before."
    )
    one = row("b", seed=0, candidate=True, frozen=frozen)
    assert notes_of(row("a", seed=0, candidate=True), one) == [f"b: {sentence}"]
    assert notes_of(one, row("b", seed=1, candidate=True)) == [f"b (seed 0): {sentence}"]


def answering(coverage, accuracy):
    return replace(FIGURES, coverage=coverage, accuracy_answered=accuracy)


def test_of_winner_and_best_baseline_that_may_abstain_it_is_said_how_many_test_rows_it_answers_and_how_well():
    loser = row("b", candidate=True, figures=answering(0.7, 0.8))
    assert notes_of(row("a", candidate=True, is_winner=True, figures=answering(0.5, 0.9)), loser) == [
        "a: answers 50.0 % of the test rows (decision.abstain); 90.0 % of these answers are right (95 % interval "
        "78.6 to 95.7). Its other figures cover all test rows."
    ]
    assert notes_of(row("tfidf", is_best_baseline=True, figures=answering(0.0, None))) == [
        "tfidf: answers none of the test rows (decision.abstain)."
    ]


def test_no_interval_of_the_answered_rows_counts_rows_that_share_a_unit_as_independent():
    one = row("a", candidate=True, is_winner=True, figures=answering(0.5, 0.9))
    assert notes_of(one, units=40) == [
        "a: answers 50.0 % of the test rows (decision.abstain); 90.0 % of these answers are right. Its other figures "
        "cover all test rows."
    ]
    assert "(95 % interval " in notes_of(one, units=100)[0]


def inferred(name, precision=None, flipped=None):
    rows = None if flipped is None else 1048
    return row(name, inference=None if precision is None else Inference(precision, None, flipped, rows))


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        ([inferred("tfidf")], []),
        (
            [inferred("tfidf"), inferred("a", "bfloat16", 1), inferred("b", "bfloat16", 2)],
            ["Test figures in bfloat16: at most 2 of 1,048 validation labels differ from float32."],
        ),
        ([inferred("a", "bfloat16", 0)], ["Test figures in bfloat16: all 1,048 validation labels are as in float32."]),
        ([inferred("a", "float32", 9)], ["Test figures in float32."]),
        ([inferred("a", "plain")], ["Test figures in float32 by the model's own pass."]),
        (
            [inferred("original", "float32", 9), inferred("a", "bfloat16", 0), inferred("b", "bfloat16", 1)],
            ["Test figures in bfloat16 (a, b); float32 (original)."],
        ),
        ([row("a"), row("b", figures=None, inference=Inference("float32"))], []),
    ],
)
def test_in_which_number_format_test_figures_are(rows, texts):
    assert notes_of(*rows) == texts
