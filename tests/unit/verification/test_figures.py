"""The figures of a row that may abstain are compared like the others, also where no row is answered."""

import numpy as np
import pytest

from finetooth.evaluation.decisions import Abstention, Decision
from finetooth.runs import predictions
from finetooth.runs.layout import RunFolder
from finetooth.runs.predictions import Predictions
from finetooth.verification.figures import check_figures
from finetooth.verification.rechecks import Checked

LOGITS = np.array([[2.0, 0.0], [0.0, 1.0], [0.2, 0.0]], np.float32)
LABELS = np.array([0, 1, 1])
IDS = ("a", "b", "c")
BOTH = {"validation": IDS, "test": IDS}


def abstaining(below):
    return Decision(abstention=Abstention("coverage", 0.5, below, coverage=0.5, accuracy_answered=1.0, curve=()))


def faults(tmp_path, decision, **changes):
    row = RunFolder(tmp_path).row("r4", 0)
    row.path.mkdir(parents=True)
    part = Predictions(IDS, LABELS, LOGITS)
    predictions.write(row.predictions, {"validation": part, "test": part})
    score = decision.score(LOGITS, LABELS)
    checked = Checked("r4")
    recorded = {"validation": score, "test": score | changes}
    check_figures(checked, row, recorded, splits=BOTH, labels={}, decision=decision)
    return [(fault.field, fault.what) for fault in checked.faults]


@pytest.mark.parametrize("below", [0.6, 1.001])
def test_coverage_and_accuracy_as_recorded_pass(tmp_path, below):
    assert faults(tmp_path, abstaining(below)) == []


@pytest.mark.parametrize(
    ("below", "recorded", "says"),
    [(0.6, 0.75, "accuracy_answered 0.75, predictions.parquet gives 1."),
     (0.6, None, "accuracy_answered none, predictions.parquet gives 1."),
     (1.001, 0.75, "accuracy_answered 0.75, predictions.parquet gives none.")],
)  # fmt: skip
def test_another_accuracy_of_the_answers_is_refused(tmp_path, below, recorded, says):
    actual = faults(tmp_path, abstaining(below), accuracy_answered=recorded)
    assert actual == [("test.accuracy_answered", f"results.json says test {says}")]
