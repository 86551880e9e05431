import pytest

from finetooth.report.curves import curves, sentence
from finetooth.report.lines import Line

NO_BREAK = "\u00a0"


def tuned(train, validation, best=1.0):
    points = [
        {"epoch": float(at), "train_loss": one, "validation_loss": other, "validation_accuracy": 0.8}
        for at, (one, other) in enumerate(zip(train, validation, strict=True), 1)
    ]
    row = {"name": "lora-r8", "seed": 0, "curve": points, "kept_epoch": best}
    return Line(row, {}, "lora-r8", winner=False, best_control=False)


@pytest.mark.parametrize(
    ("train", "validation", "said"),
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
    ],
)  # fmt: skip
def test_the_sentence_says_no_more_than_the_evaluations_show(train, validation, said):
    line = tuned(train, validation)
    assert sentence(line).replace(NO_BREAK, " ") == said
    (figure,) = curves([line])
    assert (said[0].upper() + said[1:]) in figure.text.replace(NO_BREAK, " ")
    assert ("overfitting</text>" in figure.text) == ("Overfitting after" in said)


def test_training_accuracy_is_drawn_where_it_was_counted():
    line = tuned([0.6, 0.4], [0.5, 0.4])
    (without,) = curves([line])
    assert without.text.count(">training</text>") == 1 and without.text.count(">validation</text>") == 2
    for point, accuracy in zip(line.row["curve"], (0.75, 0.875), strict=True):
        point["train_accuracy"] = accuracy
    (figure,) = curves([line])
    assert figure.text.count(">training</text>") == figure.text.count(">validation</text>") == 2
    assert "75.0" in figure.text and "87.5" in figure.text and "87.5" not in without.text
