import pytest

from finetooth.evaluation.training_curve import CurvePoint
from finetooth.report.curves import curves, sentence
from finetooth.report.view import RowView, RunView


def trained(train, validation, *, best=1.0):
    points = [
        CurvePoint(float(at), one, other, 0.8, 0.625 + 0.125 * at)
        for at, (one, other) in enumerate(zip(train, validation, strict=True), 1)
    ]
    return RowView(name="lora-r8", seed=0, title="lora-r8", curve=points, kept_epoch=best)


def drawn(row):
    run = RunView(
        name="r",
        model="",
        complete=True,
        test_openings=1,
        train=1,
        validation=1,
        test=1,
        classes=("a", "b"),
        rows=[row],
    )
    (figure,) = curves(run)
    return figure


def words(figure):
    return [mark.text for mark in figure.marks if mark.shape == "words"]


@pytest.mark.parametrize(
    ("train", "validation", "expected"),
    [
        (
            [0.6, 0.4, 0.3], [0.5, 0.4, 0.45],
            "kept: epoch 1 of 3. Overfitting after epoch 2: validation loss rose from 0.400 to 0.450 while training "
            "loss fell.",
        ),
        ([0.6], [0.5], "kept: epoch 1 of 1. With one evaluation overfitting cannot be seen."),
        (
            [0.6, 0.4], [0.5, 0.4],
            "kept: epoch 1 of 2. No overfitting at the end: validation loss ended at its lowest.",
        ),
        (
            [0.6, 0.5, 0.4], [0.5, 0.3, 0.302],
            "kept: epoch 1 of 3. No overfitting at the end: validation loss ended within 1 % of its lowest.",
        ),
        (
            [0.6, 0.5, 0.4], [0.3, 0.4, 0.302],
            "kept: epoch 1 of 3. No overfitting at the end: validation loss ended within 1 % of its lowest, after "
            "0.400 at epoch 2.",
        ),
        (
            [0.6, 0.7], [0.5, 0.6],
            "kept: epoch 1 of 2. Validation loss ended at 0.600, above its lowest, 0.500; training loss did not fall "
            "meanwhile, so that is no overfitting.",
        ),
        (
            [0.6, 0.4], [0.0, 0.45],
            "kept: epoch 1 of 2. Overfitting after epoch 1: validation loss rose from 0.000 to 0.450 while training "
            "loss fell.",
        ),
    ],
)  # fmt: skip
def test_the_sentence_says_no_more_than_the_evaluations_show(train, validation, expected):
    row = trained(train, validation)
    assert sentence(row) == expected
    figure = drawn(row)
    assert figure.note == expected[0].upper() + expected[1:]
    assert ("overfitting" in words(figure)) == ("Overfitting after" in expected)


def test_loss_and_accuracy_have_a_line_for_training_and_one_for_validation_each():
    figure = drawn(trained([0.6, 0.4], [0.5, 0.4]))
    assert words(figure).count("training") == words(figure).count("validation") == 2
    assert [row[3].text for row in figure.table.rows] == ["75.0 %", "87.5 %"]
