import pytest

from finetooth.report.wording import GAP, milliseconds, seconds


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 s"), (0.026, "0.03 s"), (0.44, "0.4 s"), (0.97, "1 s"), (41.4, "41 s"), (130, "2 min"), (7000, "1.9 h")],
)
def test_seconds_keep_a_figure_that_says_something(value, said):
    assert seconds(value).replace(GAP, " ") == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 ms"), (1.09e-6, "0.001 ms"), (94e-6, "0.09 ms"), (0.0006, "0.6 ms"), (0.0198, "19.8 ms")],
)
def test_milliseconds_keep_a_figure_that_says_something(value, said):
    assert milliseconds(value).replace(GAP, " ") == said
