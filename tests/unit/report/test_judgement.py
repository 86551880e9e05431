"""The text of a judgement: at most 80 columns, and what is said of the predictions."""

from finetooth.report.judgement import describe


def row(file, **changes):
    figures = {"accuracy": 1.0, "accuracy_interval": [0.999, 1.0], "macro_f1": 1.0}
    place = {"matched_by": "id", "label_column": "label", "unanswered": 0}
    compared = dict.fromkeys(("difference", "difference_interval", "outcome", "verdict"))
    return {"file": file, **figures, **place, **compared} | changes


def text(*rows, **changes):
    seen = {"test_openings": 3, "test_rows_seen": 2620, "test_runs_seen": 2, "test_runs_later": 0}
    facts = {"examples": 2620, "units": 2620, "group": None, "classes": ["bad", "good"], "alpha": 0.0033774}
    return describe({**facts, **seen, "rows": rows} | changes)


def test_the_rows_the_look_and_the_units_are_said():
    later = row("b.csv", difference=-0.02, difference_interval=[-0.03, -0.01], outcome="worse", verdict="b is worse.")
    shown = text(row("a.csv"), later, units=112, group="film")
    assert shown.startswith("2,620 labelled rows in 112 groups (film), 2 labels: 2,620 of these 2,620 rows\n  were")
    assert "\nThe predictions are given, not verified.\n" in shown
    assert "-2.0 (-3.0 to -1.0)\n" in shown
    assert "\nb is worse.\n" in shown
    assert shown.endswith("This is look 3 at these rows, so each difference is tested at 0.34 %.")


def test_one_file_alone_is_compared_with_nothing():
    assert "vs first:" not in text(row("a.csv")) and "look" not in text(row("a.csv"))


def test_no_line_is_wider_than_a_terminal():
    long = "a/very/long/path/to/predictions/of/an/experiment/of/last/year/with/a/model/of/a/colleague.csv"
    far = {"difference": -0.999, "difference_interval": [-1.0, -0.998], "outcome": "worse", "verdict": "x " * 90}
    column = {"label_column": "c" * 200, "unanswered": 1234, "matched_by": "text"}
    assert max(map(len, text(row(long), row(long, **far, **column)).splitlines())) <= 80
