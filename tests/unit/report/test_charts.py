"""The line of the best baseline stands where candidates are compared with it."""

import re

import pytest

from finetooth.report import plots
from finetooth.report.charts import against, ladder
from finetooth.report.lines import Line

HEADS = {"count": 5, "mean_accuracy": 0.506, "lowest": 0.48, "highest": 0.54}


def line(name, accuracy, trained=None, *, heads=None, best=False):
    row = {
        "name": name, "seed": 0, "kind": "candidate" if trained else "baseline", "status": "done", "head": "new",
        "parameters": trained and {"trainable": trained}, "train_seconds": trained and 60.0, "heads": heads,
        "test": {"examples": 400, "accuracy": accuracy},
    }  # fmt: skip
    return Line(row, {}, name, winner=False, best_control=best, against=best)


TUNED = [line("lora-r8", 0.51, 300_000), line("lora-r16", 0.5, 600_000)]


def reference(figure):
    (found,) = re.findall(r'<line x1="([^"]*)" y1="([^"]*)" [^>]*class="control reference"', figure.text)
    return found


@pytest.mark.parametrize(
    ("heads", "name"), [(HEADS, "original (first head)"), (None, "original")], ids=["several heads", "one head"]
)
def test_it_stands_at_the_head_that_candidates_are_compared_with(heads, name):
    lines = [line("original", 0.53, heads=heads, best=True), *TUNED]
    bounds = [bound for one in lines for bound in one.interval]
    chart = ladder(lines)
    assert reference(chart)[0] == plots.even_scale(min(bounds), max(bounds), most=6, within=(0.0, 1.0)).across(0.53)
    assert f"The line through them is the best baseline, {name}." in chart.text
    costs = against(lines, "parameters")
    assert float(reference(costs)[1]) == plots.even_scale(min(bounds), max(bounds), within=(0.0, 1.0)).down(0.53, 240)
    assert f"{name}, none trained" in costs.text
    told = "random classification layers. Candidates are compared with the first of them (53.0\u00a0%)."
    assert (told in chart.text) == (heads is not None)
