"""Where progress is shown without being asked for, and how it looks below a notebook's cell."""

import io
import sys
from collections.abc import Mapping
from types import ModuleType, SimpleNamespace

import pytest

import finetooth
from finetooth.progress import Progress, Silent, progress_for
from finetooth.progress.log_lines import PlainLines
from finetooth.progress.notebook_lines import NotebookLines


class Output:
    """IPython's display, and the one output that it makes."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.made = 0

    def __call__(self, content: Mapping[str, str], *, raw: bool, display_id: bool) -> "Output":
        assert raw and display_id
        self.made += 1
        self.states.append(content["text/plain"])
        return self

    def update(self, content: Mapping[str, str], *, raw: bool) -> None:
        assert raw
        self.states.append(content["text/plain"])


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Output:
    """This process as the kernel of a notebook."""
    output = Output()
    shells = {"IPython": {"get_ipython": lambda: SimpleNamespace(kernel=object())}}
    for name, attributes in {**shells, "IPython.core.display_functions": {"display": output}}.items():
        module = ModuleType(name)
        module.__dict__.update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
    return output


def test_without_an_argument_a_notebook_shows_progress_and_all_else_is_quiet(
    notebook: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(progress_for(None), NotebookLines)
    assert isinstance(progress_for(True), NotebookLines)
    assert isinstance(progress_for(False), Silent)
    terminal = ModuleType("IPython")
    terminal.__dict__["get_ipython"] = lambda: SimpleNamespace(kernel=None)
    monkeypatch.setitem(sys.modules, "IPython", terminal)
    assert isinstance(progress_for(None), Silent)
    monkeypatch.delitem(sys.modules, "IPython")
    assert isinstance(progress_for(None), Silent)
    assert isinstance(progress_for(True), PlainLines)


def test_a_progress_of_ones_own_is_taken_as_it_is() -> None:
    own: Progress = PlainLines(io.StringIO())
    assert progress_for(own) is own
    assert finetooth.Progress is Progress


def test_progress_is_one_output_that_is_drawn_again_in_its_place(notebook: Output) -> None:
    clock = Clock()
    lines = NotebookLines(notebook, clock=clock)
    lines.say("column 'text\x1b[2J' is used as the text")
    with lines.step("train r8", total=200, unit="steps") as step:
        clock.now += 0.1
        step.advance(10)  # too soon after the last to be drawn
        clock.now += 5
        step.advance(90, note="loss 0.41")
    with lines.step("verify r8"):
        pass
    texts = "column 'text\ufffd[2J' is used as the text"
    assert notebook.made == 1
    assert notebook.states == [
        texts,
        f"{texts}\ntrain r8: 0 of 200 steps",
        f"{texts}\ntrain r8: 100 of 200 steps, 18 steps/s, 6 s left, loss 0.41",
        f"{texts}\ntrain r8: 100 steps in 5.1 s",
        f"{texts}\ntrain r8: 100 steps in 5.1 s\nverify r8",
        f"{texts}\ntrain r8: 100 steps in 5.1 s",
    ]


def test_a_step_that_fails_says_how_far_it_came(notebook: Output) -> None:
    lines = NotebookLines(notebook, clock=Clock())
    with pytest.raises(ZeroDivisionError), lines.step("train r8", total=20, unit="steps"):
        raise ZeroDivisionError
    assert notebook.states[-1] == "train r8: stopped after 0 of 20 steps, 0.0 s"


def test_what_prints_writes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_for(True).step("read a.csv", unit="rows"):
        pass
    assert capsys.readouterr() == ("", "read a.csv\nread a.csv: done in 0.0 s\n")
