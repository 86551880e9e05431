import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetooth.report import charts, plots
from finetooth.report.view import Figures, RowView, RunView
from finetooth.wording import percent


@given(st.floats(0, 1), st.floats(0, 1))
def test_an_even_scale_holds_both_ends_has_few_round_ticks_and_stays_inside_its_bounds(one, other):
    low, high = sorted((one, other))
    scale = plots.even_scale(low, high, within=(0.0, 1.0))
    assert 0 <= scale.low <= low + 1e-9 and high - 1e-9 <= scale.high <= 1
    assert 2 <= len(scale.ticks) <= 8
    assert 0 <= scale.share(low) <= scale.share(high) <= 1


@given(st.floats(1e-2, 1e9), st.floats(1, 1e6))
def test_a_log_scale_holds_both_ends_and_has_at_most_a_few_ticks(low, factor):
    scale = plots.log_scale(low, low * factor)
    assert 0 < scale.share(low) <= scale.share(low * factor) < 1
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)
    assert 1 <= len(scale.ticks) <= 10


def test_places_on_a_scale():
    scale = plots.even_scale(0.7, 0.9, most=4)
    assert (scale.low, scale.high, scale.ticks) == (0.7, 0.9, (0.7, 0.75, 0.8, 0.85, 0.9))
    assert scale.across(0.8) == "50.00%" and scale.down(0.9, 200) == 0 and scale.down(0.7, 200) == 200
    assert plots.log_scale(100, 100).across(100) == "50.00%"
    assert plots.log_scale(1, 100).share(10) == pytest.approx(0.5)


@given(st.lists(st.floats(0, 240), max_size=12))
def test_labels_are_spread_in_order_until_none_is_upon_another(positions):
    moved = plots.spread(positions, gap=15, low=0, high=240)
    for one, other in zip(sorted(moved), sorted(moved)[1:], strict=False):
        assert other - one >= 15 - 1e-6
    order = sorted(range(len(positions)), key=lambda at: positions[at])
    assert [moved[at] for at in order] == sorted(moved)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.7, 0.9, ["70 %", "75 %", "80 %", "85 %", "90 %"]),
        (0.9151, 0.9249, ["91.50 %", "91.75 %", "92.00 %", "92.25 %", "92.50 %"]),
        (0.912, 0.928, ["91.0 %", "91.5 %", "92.0 %", "92.5 %", "93.0 %"]),
    ],
)
def test_ticks_are_written_with_the_digits_of_their_step(low, high, shown):
    scale = plots.even_scale(low, high, most=4)
    written = [percent(tick, plots.ticks_digits(scale)) for tick in scale.ticks]
    assert written == shown


@given(st.floats(0, 1), st.floats(0, 1))
def test_no_two_ticks_read_alike(one, other):
    scale = plots.even_scale(*sorted((one, other)), within=(0.0, 1.0))
    written = [percent(tick, plots.ticks_digits(scale)) for tick in scale.ticks]
    assert len(set(written)) == len(written)


def test_the_charts_write_their_ticks_so_too():
    figures = [
        Figures(examples=100_000, accuracy=share, level=share, interval=(0.9155, 0.924)) for share in (0.92, 0.921)
    ]
    rows = [RowView(name=name, title=name, figures=one) for name, one in zip("ab", figures, strict=True)]
    run = RunView(
        name="r", model="", complete=True, test_openings=1, train=1, validation=1, test=1, classes=("a", "b"), rows=rows
    )
    figure = charts.ladder(run)
    assert {"91.6 %", "92.2 %"} <= {mark.text for mark in figure.marks}
    assert figure.note.endswith("The scale of accuracy begins at 91.4 %, not at 0.")


def test_labels_that_have_room_stay_where_they_are():
    assert plots.spread([10.0, 100.0, 50.0], gap=15, low=0, high=240) == [10.0, 100.0, 50.0]


def test_the_best_baseline_has_a_shape_of_its_own():
    assert plots.dot("1%", 2, look="baseline").shape == "diamond" and plots.dot("1%", 2, look="winner").shape == "dot"


def test_a_share_beside_the_scale_is_held_at_its_end():
    scale = plots.even_scale(0, 1)
    assert (scale.share(-math.inf), scale.share(math.inf)) == (0, 1)


def test_a_name_that_is_cut_keeps_its_seed():
    long = plots.row_name("a-very-long-name-of-a-candidate (seed 21)", 0)
    assert [(mark.text, mark.look) for mark in long] == [
        ("a-very-lo… (seed 21)", "name wide-only"),
        ("a-very… (seed 21)", "name narrow-only"),
    ]
    assert [mark.text for mark in plots.row_name("lora-r8 (seed 2)", 0)] == ["lora-r8 (seed 2)"]
