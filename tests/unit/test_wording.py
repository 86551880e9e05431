"""Each form of numbers and names, by worked examples and by laws."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetooth import wording


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 s"), (0.026, "0.03 s"), (0.44, "0.4 s"), (0.97, "1 s"), (41.4, "41 s"), (130, "2 min"), (7000, "1.9 h")],
)
def test_seconds_keep_a_figure_that_says_something(value, said):
    assert wording.seconds(value) == said


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
    assert wording.latency(seconds, spread) == text


@pytest.mark.parametrize(
    ("count", "like", "text"),
    [
        (999, None, "999 bytes"),
        (12_345, None, "12.3 kB"),
        (1_340_000, None, "1.34 MB"),
        (235_000_000, None, "235 MB"),
        (1_340_000_000, None, "1.34 GB"),
        (0, 235_000_000, "0 MB"),
        (1_000_000, 23_500_000, "1.0 MB"),
    ],
)
def test_bytes_have_three_significant_digits_or_those_of_their_whole(count, like, text):
    assert wording.size(count, like=like) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0 %"), (0.0002, "0.02 %"), (0.016, "1.6 %"), (0.1, "10 %"), (1.0, "100 %")]
)
def test_a_rough_share_has_two_digits_that_say_something(share, text):
    assert wording.roughly(share) == text


@given(st.floats(-1, 1))
def test_points_are_signed_but_for_a_zero(difference):
    text = wording.points(difference)
    assert float(text) == pytest.approx(100 * difference, abs=0.051)
    assert text[0] in "+-" if float(text) else text == "0.0"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0009, "p < 0.001"), (0.04, "p = 0.040"), (0.1, "p = 0.10"), (1, "p = 1.00")]
)
def test_a_p_value_below_a_thousandth_is_a_bound(p, text):
    assert wording.p_value(p) == text


@given(st.integers(1, 10**12))
def test_a_count_is_rounded_up_by_less_than_a_tenth(count):
    rounded = int(wording.at_least(count).replace(",", ""))
    assert count <= rounded < 1.1 * count + 1


@pytest.mark.parametrize(
    ("names", "most", "text"),
    [
        ([], None, ""),
        (["a"], None, "a"),
        (["a", "b"], 2, "a and b"),
        (["a", "b", "c"], 3, "a, b and c"),
        (["a", "b", "c", "d"], 3, "a, b, c and 1 more"),
    ],
)
def test_names_in_a_row(names, most, text):
    assert wording.listed(names, most) == text


def test_a_row_is_called_by_its_seed_where_there_are_several_of_its_name():
    titles = wording.row_titles([("tfidf", None), ("r8", 1), ("r8", 2), ("full", 1)])
    assert list(titles.values()) == ["tfidf", "r8 (seed 1)", "r8 (seed 2)", "full"]


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cut_text_has_room_and_begins_or_ends_as_it_did(text, most):
    for keep_end in (False, True):
        short = wording.cut(text, most, keep_end=keep_end)
        assert len(short) <= most and (short == text or "…" in short)


@pytest.mark.parametrize(
    "name, most, line",
    [
        ("plain", 80, "plain"),
        ("two\nlines\tand\u2028more", 80, "two lines and more"),
        ("\u202eesrever", 80, "\ufffdesrever"),
        ("zero\u200bwidth", 80, "zero\ufffdwidth"),
        ("👩\u200d👧", 80, "👩\u200d👧"),
        ("x" * 100, 10, "xxxxxxxxx…"),
        ("half \ud800", 80, "half \ufffd"),
    ],
)
def test_a_name_is_one_line_that_turns_nothing_around_it(name, most, line):
    assert wording.shown(name, most) == line


def test_a_value_of_any_size_and_depth_is_short():
    deep = [[[[[[[[[[[[1]]]]]]]]]]]] * 1_000
    for value in (deep, "x" * 10_000, 10**5_000, {"a": deep}, math.inf):
        assert len(wording.short(value)) <= 60
    assert wording.short("abc") == "'abc'"


@given(st.text(alphabet="ab 1%s.", max_size=300))
def test_wrapping_loses_no_mark(text):
    lines = wording.wrapped(text, width=20).split("\n")
    assert "".join(text.split()) == "".join("".join(lines).split())


def test_a_figure_and_its_unit_stay_on_one_line():
    assert wording.wrapped("it took about 21 s in all", width=16) == "it took about\n  21 s in all"


@pytest.mark.parametrize(
    ("rows", "seen", "runs", "later", "text"),
    [
        (2620, 0, 0, 0, "opened once on this machine; none of its rows before"),
        (2620, 1310, 3, 0, "1,310 of these 2,620 rows were scored before, in 3 runs on this machine"),
        (1, 1, 1, 0, "1 of this 1 row was scored before, in 1 run on this machine"),
        (
            9, 0, 2, 0,
            "it is not known which of these 9 rows were scored before: the records of 2 runs on this machine cannot be "
            "read",
        ),
        (9, 0, 0, 1, "none of its rows was scored before on this machine; 1 later run scored rows of it"),
        (9, 3, 1, 2, "3 of these 9 rows were scored before, in 1 run on this machine; 2 later runs scored rows of it"),
    ],
)  # fmt: skip
def test_opened_once_is_said_only_where_it_is_true(rows, seen, runs, later, text):
    assert wording.scored_before(rows, rows_seen=seen, runs_seen=runs, runs_later=later) == text
