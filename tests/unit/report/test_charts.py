"""The line of the best baseline stands where candidates are compared with it."""

import pytest

from finetooth.report import plots
from finetooth.report.charts import against, ladder
from finetooth.report.view import Figures, RowView, RunView
from finetooth.runs.results import Heads, Parameters, RowCosts

HEADS = Heads(5, 0.506, 0.48, 0.54)


def row(name, accuracy, trained=None, *, heads=None, best=False):
    low, high = (heads.lowest, heads.highest) if heads else (accuracy - 0.05, accuracy + 0.05)
    mean = heads.mean_accuracy if heads else accuracy
    return RowView(
        name=name, seed=0, title=name, role="candidate" if trained else "baseline",
        figures=Figures(examples=400, accuracy=mean, level=accuracy, interval=(low, high)),
        is_best_baseline=best, is_compared_with=best, heads=heads,
        parameters=trained and Parameters(adapter=trained, head=0, bias=0, total=trained),
        costs=RowCosts(name=name, seed=0, train_seconds=trained and 60.0),
    )  # fmt: skip


def run(*rows):
    return RunView(
        name="r", model="", complete=True, test_openings=1, train=1, validation=1, test=1, classes=("a", "b"), rows=rows
    )


CANDIDATES = [row("lora-r8", 0.51, 300_000), row("lora-r16", 0.5, 600_000)]


def reference(figure):
    (line,) = [mark for mark in figure.marks if mark.look == "baseline reference"]
    return line


@pytest.mark.parametrize(
    ("heads", "name"), [(HEADS, "original (first head)"), (None, "original")], ids=["several heads", "one head"]
)
def test_it_stands_at_the_head_that_candidates_are_compared_with(heads, name):
    shown = run(row("original", 0.53, heads=heads, best=True), *CANDIDATES)
    bounds = [bound for one in shown.rows for bound in one.figures.interval]
    chart = ladder(shown)
    assert reference(chart).x == plots.even_scale(min(bounds), max(bounds), most=6, within=(0.0, 1.0)).across(0.53)
    assert f"The dashed line is the best baseline, {name}." in chart.note
    costs = against(shown, "parameters")
    assert reference(costs).y == plots.even_scale(min(bounds), max(bounds), within=(0.0, 1.0)).down(0.53, 240)
    assert f"{name}, none trained" in [mark.text for mark in costs.marks]
    sentence = "random classification layers. Candidates are compared with the first of them (53.0 %)."
    assert (sentence in chart.note) == (sentence in chart.description) == (heads is not None)
