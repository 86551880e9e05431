import io

import pytest

from finetooth.cli.terminal_lines import LiveLines, progress_on
from finetooth.progress.log_lines import Count, PlainLines
from finetooth.wording import duration


class Clock:
    """A clock that the test moves."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_line_says_what_how_far_how_fast_and_how_long():
    clock = Clock()
    count = Count("lora-r8", total=3600, unit="examples", clock=clock)
    assert count.line() == "lora-r8: 0 of 3,600 examples"
    clock.now += 5
    count.advance(100)
    assert count.line() == "lora-r8: 100 of 3,600 examples"
    clock.now += 10
    count.advance(400, note="loss 0.412")
    assert count.line() == "lora-r8: 500 of 3,600 examples, 40 examples/s, 78 s left, loss 0.412"
    clock.now += 10
    count.advance(400)
    assert count.line() == "lora-r8: 900 of 3,600 examples, 40 examples/s, 68 s left, loss 0.412"


def test_a_resumed_step_does_not_count_its_leap_as_speed():
    clock = Clock()
    count = Count("lora-r8", total=2000, unit="examples", clock=clock)
    clock.now += 0.1
    count.advance(1000)
    clock.now += 10
    count.advance(20)
    assert count.line() == "lora-r8: 1,020 of 2,000 examples, 2.0 examples/s, 8 min left"


def test_the_speed_is_that_of_the_last_minute():
    clock = Clock()
    count = Count("x", total=10_000, unit="rows", clock=clock)
    for _ in range(100):
        clock.now += 1
        count.advance(1)
    for _ in range(100):
        clock.now += 1
        count.advance(10)
    assert "10 rows/s" in count.line()


def test_slow_work_shows_its_rate_too():
    clock = Clock()
    count = Count("epochs", total=3, unit="epochs", clock=clock)
    for _ in range(2):
        clock.now += 120
        count.advance(1)
    assert count.line() == "epochs: 2 of 3 epochs, 0.01 epochs/s, 2 min left"


def test_bytes_are_shown_in_the_unit_of_their_whole():
    clock = Clock()
    count = Count("model", total=84_100_000, unit="bytes", clock=clock)
    count.advance(100_000)
    clock.now += 2
    count.advance(12_200_000)
    assert count.line() == "model: 12.3 of 84.1 MB, 6.10 MB/s, 12 s left"
    assert count.finished() == "model: 12.3 MB in 2.0 s"


def test_a_step_without_a_total_names_no_end():
    clock = Clock()
    count = Count("reading", total=None, unit="rows", clock=clock)
    assert count.line() == "reading"
    count.advance(10)
    clock.now += 5
    count.advance(50, note="train.csv")
    assert count.line() == "reading: 60 rows, 10 rows/s, train.csv"
    assert count.stopped() == "reading: stopped after 5.0 s"


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (87.4, "87 s"), (252, "4 min 12 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_plain_lines_come_at_the_start_every_quarter_minute_and_at_the_end():
    clock, stream = Clock(), io.StringIO()
    progress = PlainLines(stream, clock=clock)
    progress.say("seed 0")
    with progress.step("lora-r8", total=40, unit="steps") as step:
        for _ in range(40):
            clock.now += 1
            step.advance(note="loss 0.5")
    assert stream.getvalue().splitlines() == [
        "seed 0",
        "lora-r8: 0 of 40 steps",
        "lora-r8: 15 of 40 steps, 1.0 steps/s, 25 s left, loss 0.5",
        "lora-r8: 30 of 40 steps, 1.0 steps/s, 10 s left, loss 0.5",
        "lora-r8: 40 steps in 40 s",
    ]


@pytest.mark.parametrize("kind", [PlainLines, LiveLines])
def test_a_step_that_fails_says_how_far_it_came(kind):
    clock, stream = Clock(), io.StringIO()
    with pytest.raises(ZeroDivisionError), kind(stream, clock=clock).step("lora-r8", total=40, unit="steps") as step:
        clock.now += 30
        step.advance(12)
        raise ZeroDivisionError
    assert stream.getvalue().rstrip().splitlines()[-1].endswith("lora-r8: stopped after 12 of 40 steps, 30 s")


def test_live_lines_are_redrawn_and_a_finished_one_stays():
    clock, stream = Clock(), io.StringIO()
    progress = LiveLines(stream, clock=clock)
    with progress.step("lora-r8", total=40, unit="steps") as step:
        clock.now += 60
        step.advance(40)
        progress.say("a word between")
    lines = stream.getvalue().split("\n")
    assert "\rlora-r8: 0 of 40 steps" in lines[0]
    assert [line.rpartition("\r")[2] for line in lines] == ["a word between", "lora-r8: 40 steps in 60 s", ""]


def test_a_step_too_short_to_read_leaves_no_line_on_a_terminal():
    clock, stream = Clock(), io.StringIO()
    with LiveLines(stream, clock=clock).step("checking"):
        clock.now += 0.1
    assert "\n" not in stream.getvalue()
    with LiveLines(stream, clock=clock).step("checking"):
        clock.now += 0.6
    assert stream.getvalue().endswith("checking: done in 0.6 s\n")


def test_a_stream_that_is_no_terminal_gets_plain_lines(monkeypatch):
    assert isinstance(progress_on(io.StringIO()), PlainLines)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(progress_on(terminal), LiveLines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress_on(terminal), PlainLines)


def test_a_total_that_is_a_bound_is_called_one():
    clock = Clock()
    count = Count("train r8", total=100, unit="steps at most", clock=clock)
    for _ in range(10):
        clock.now += 1
        count.advance(1)
    assert count.line() == "train r8: 10 of 100 steps at most, 1.0 steps/s, 90 s left at most"
    assert count.finished() == "train r8: 10 steps in 10 s"
    assert count.stopped() == "train r8: stopped after 10 of 100 steps at most, 10 s"


def test_a_pause_that_ends_in_no_unit_is_no_part_of_the_speed():
    clock = Clock()
    count = Count("train r8", total=100, unit="steps", clock=clock)
    for _ in range(10):
        clock.now += 1
        count.advance(1, note="loss 0.5")
    clock.now += 90
    count.advance(0, note="validating 64 of 64 texts")
    clock.now += 1
    count.advance(1)
    assert count.line() == "train r8: 11 of 100 steps, 1.0 steps/s, 89 s left, validating 64 of 64 texts"
