"""The learning curve in the report: a line for each baseline, and what the last doubling brought."""

from finetooth.evaluation.training_curve import LearningPoint
from finetooth.report.learning_chart import doubling, learning_chart
from finetooth.report.view import Figures, RowView, RunView

FIGURES = Figures(examples=100, accuracy=0.8, level=0.8, interval=(0.7, 0.9))


def row(name, *accuracies, **facts):
    curve = [LearningPoint(rows, accuracy) for rows, accuracy in zip((250, 500, 1000), accuracies, strict=False)]
    return RowView(name=name, title=name, figures=FIGURES, learning_curve=curve, **facts)


def chart(*rows):
    return learning_chart(
        RunView(
            name="r", model="", complete=True, test_openings=1, train=1000, validation=120, test=100,
            classes=("a", "b"), rows=rows,
        )
    )  # fmt: skip


def test_the_gain_of_the_last_doubling_is_as_measured():
    assert doubling(row("tfidf", 0.7, 0.8, 0.829)) == (
        "tfidf: +2.9 points on the validation rows with twice the training rows (500 to 1,000)."
    )
    assert doubling(row("probe", 0.7, 0.8, 0.79)).startswith("probe: -1.0 points on the validation rows")


def test_a_line_for_each_baseline_with_a_curve_the_best_one_emphasised():
    figure = chart(row("majority"), row("tfidf", 0.7, 0.8, 0.829), row("probe", 0.75, 0.8, 0.85, is_best_baseline=True))
    lines = [mark for mark in figure.marks if mark.shape == "curve"]
    assert [(line.look, len(line.points)) for line in lines] == [("train", 3), ("validation", 3)]
    assert [x for x, _ in lines[0].points] == ["25.00%", "50.00%", "100.00%"]
    assert [cell.text for cell in figure.table.rows[1]] == ["probe", "75.0 %", "80.0 %", "85.0 %"]
    assert figure.table.columns[1:] == ["250 training rows", "500 training rows", "1,000 training rows"]
    assert "tfidf: +2.9 points" in figure.note and "Measured on 120 validation rows" in figure.note


def test_without_a_curve_there_is_no_chart():
    assert chart(row("majority")) is None
