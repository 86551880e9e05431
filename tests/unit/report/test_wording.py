from typing import Any

import pytest

from finetooth.report.wording import GAP, computed_in, latency, of_cut, of_frozen, seconds


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 s"), (0.026, "0.03 s"), (0.44, "0.4 s"), (0.97, "1 s"), (41.4, "41 s"), (130, "2 min"), (7000, "1.9 h")],
)
def test_seconds_keep_a_figure_that_says_something(value, said):
    assert seconds(value).replace(GAP, " ") == said


@pytest.mark.parametrize(
    ("seconds", "spread", "text"),
    [
        (0.0149, (0.0142, 0.017), "14.9 ms (14.2 to 17.0)"),
        (0.01996, (0.0195, 0.0204), "20.0 ms (19.5 to 20.4)"),
        (94e-6, (90.06e-6, 0.00012), "0.0940 ms (0.0901 to 0.120)"),
        (1.2345, (1.2, 12.5), "1,230 ms (1,200 to 12,500)"),
        (0.000999, None, "0.999 ms"),
        (0.0, (0.0, 1.09e-6), "0 ms (0 to 0.00109)"),
    ],
)
def test_latency_has_three_significant_digits_and_its_spread(seconds, spread, text):
    assert latency(seconds, spread).replace(GAP, " ") == text


def cut(*rows: tuple[str, str, float | None]) -> str | None:
    listed = [{"name": name, "kind": kind, "status": "done", "test_rows_cut": share} for name, kind, share in rows]
    found = of_cut({"data": {"max_tokens": 512}, "rows": listed})
    return None if found is None else found.replace("\N{NO-BREAK SPACE}", " ")


def test_rows_that_are_cut_are_told_by_their_share():
    words, probe = ("tfidf", "baseline", None), ("probe", "baseline", 0.152)
    a, b = ("a", "candidate", 0.152), ("b", "candidate", 0.152)
    assert cut(words, probe, a, b) == (
        "15 % of test rows are cut at 512 tokens for probe and candidates; tfidf reads them whole."
    )
    assert cut(probe, a, a) == "15 % of test rows are cut at 512 tokens for probe and a."
    assert cut(words, probe, ("probe-x", "baseline", 0.004), a) == (
        "15 % of test rows are cut at 512 tokens for probe and a, 0.4 % for probe-x; tfidf reads them whole."
    )


def test_where_no_row_is_cut_nothing_is_told():
    assert cut(("tfidf", "baseline", None), ("a", "candidate", 0.0)) is None
    assert of_cut({"data": {}, "rows": [{"name": "a", "kind": "candidate", "status": "done"}]}) is None


def test_what_freezing_took_and_saved_is_told():
    frozen = {"layers": 3, "after_epochs": 1, "states_seconds": 21.4, "time_ratio": 0.551}
    rows = [{"name": "a", "seed": 0, "frozen": None}, {"name": "b", "seed": 0, "frozen": frozen}]
    (told,) = of_frozen(rows)
    assert told.replace(GAP, " ") == (
        "b: the lowest 3 layers frozen after 1 epoch, their states computed once (21 s); a training example then took "
        "0.55 of its time before."
    )
    assert next(of_frozen([rows[1], {"name": "b", "seed": 1}])).startswith("b, seed 0: the lowest 3 layers")


def inferred(name: str, precision: str | None, flipped: int | None = None) -> dict[str, Any]:
    rows = None if flipped is None else 1048
    found = None if precision is None else {"precision": precision, "flipped": flipped, "validation_rows": rows}
    return {"name": name, "status": "done", "inference": found}


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([inferred("tfidf", None)], None),
        (
            [inferred("tfidf", None), inferred("a", "bfloat16", 1), inferred("b", "bfloat16", 2)],
            "Test figures in bfloat16: at most 2 of 1,048 validation labels differ.",
        ),
        ([inferred("a", "bfloat16", 0)], "Test figures in bfloat16: all 1,048 validation labels are the same."),
        ([inferred("a", "float32", 9)], "Test figures in float32."),
        ([inferred("a", "plain")], "Test figures in float32 by the model's own pass."),
        (
            [inferred("original", "float32", 9), inferred("a", "bfloat16", 0), inferred("a", "bfloat16", 1)],
            "Test figures in bfloat16 (a); float32 (original).",
        ),
        ([{"name": "a", "status": "done"}, {"name": "b", "status": "failed", "inference": None}], None),
    ],
)
def test_in_which_number_format_test_figures_are(rows: list[dict[str, Any]], text: str | None) -> None:
    assert computed_in(rows) == text
