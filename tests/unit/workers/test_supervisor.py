"""What the command makes of its child: errors as they were raised, signals obeyed in every kind of work."""

import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import plans
from finetooth.baselines.fitted import SETTINGS
from finetooth.errors import DivergedError, Interrupted, KilledError, RunError
from finetooth.files import write_json
from finetooth.models.agreement import Agreement, Measured
from finetooth.progress import Silent
from finetooth.rows.context import Context
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import Plan
from finetooth.workers import process, supervisor
from finetooth.workers.supervisor import Supervisor

SAY = """
import json, os, signal, sys, time
order = json.loads(sys.stdin.readline())
def say(**values):
    print(json.dumps(values), flush=True)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call a child that runs the code given in place of the worker."""
    (tmp_path / ".work").mkdir()
    context = context_in(tmp_path, "r4", "validation", plans.plan())
    real = process.subprocess.Popen  # type: ignore[attr-defined]

    def call(code: str, on: Supervisor | None = None) -> None:
        def popen(arguments: list[str], **more: Any) -> Any:
            return real([arguments[0], "-c", SAY + code], **more)

        monkeypatch.setattr(process.subprocess, "Popen", popen)  # type: ignore[attr-defined]
        with Silent().step("x") as step:
            (on or Supervisor()).call("score", context, step)

    return call


def test_a_child_that_is_done_is_done(child: Any) -> None:
    child("say(event='advance', count=3, note='');say(event='done')")


def test_an_error_comes_back_as_it_was_raised(child: Any) -> None:
    with pytest.raises(DivergedError, match=r"^the loss of step 3\.$"):
        child("say(event='error', type='DivergedError', message='the loss of step 3.'); sys.exit(1)")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('so long', file=sys.stderr); sys.exit(3)", "ended with code 3; its last line of stderr: so long"),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "ended by SIGKILL (usually: memory ran out); its last line of stderr: none",
        ),
        ("print('{half', end='', flush=True); sys.exit(1)", "ended with code 1; its last line of stderr: none"),
    ],
)
def test_a_child_that_ends_without_a_word_names_the_row(child: Any, tmp_path: Path, code: str, reason: str) -> None:
    with pytest.raises(RunError) as caught:
        child(code)
    assert str(caught.value) == (
        f"r4: its process was {reason}. All lines: {tmp_path / '.work' / 'stderr.log'}. "
        "Run the same command again to continue."
    )


def test_a_child_that_ends_without_a_word_is_named_where_there_is_no_sigkill(
    child: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(supervisor.signal, "SIGKILL")  # type: ignore[attr-defined]  # as on Windows
    with pytest.raises(RunError, match=r"ended with code 3; its last line of stderr: none\."):
        child("sys.exit(3)")


def test_a_child_that_the_system_kills_for_its_memory_is_told_from_one_that_a_user_kills(
    child: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = iter([3, 4])
    monkeypatch.setattr(supervisor, "kernel_kills", lambda: next(kills))
    with pytest.raises(KilledError) as caught:
        child("os.kill(os.getpid(), signal.SIGKILL)")
    assert str(caught.value) == (
        "r4: its process was ended by the system, because memory ran out; its last line of stderr: none. All lines: "
        f"{tmp_path / '.work' / 'stderr.log'}. Run the same command again to continue."
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "code",
    [
        "",
        "signal.signal(signal.SIGTERM, lambda *_: (say(event='done'), os._exit(0))); say(event='advance', count=1, "
        "note=''); ",
    ],
    ids=["ends at once", "is done all the same"],
)
def test_a_signal_ends_the_command_whatever_its_child_says(child: Any, number: int, code: str) -> None:
    working = Supervisor()
    began = time.monotonic()
    with pytest.raises(Interrupted) as caught, working.signals():
        child(f"{code}os.kill(os.getppid(), {int(number)}); time.sleep(60)", on=working)
    assert caught.value.exit_code == 128 + number
    assert str(caught.value) == "interrupted; what is done is saved. Run the same command again to continue."
    assert time.monotonic() - began < 5


def context_in(folder: Path, row: str, split: str, plan: Plan) -> Context:
    recipe: Any = None  # the command does not read it
    return Context(
        run_folder=RunFolder(folder), recipe=recipe, plan=plan, row=row, row_seed=3, split=split, base_folder=folder
    )


def save_gate(context: Context, agreement: Agreement) -> None:
    """Save what was measured of bfloat16 where the row keeps it."""
    measured = Measured(None, agreement)
    if context.row == "probe":
        context.folder.baseline.mkdir(parents=True, exist_ok=True)
        write_json(context.folder.baseline / SETTINGS, {"inference": measured.described()})
    else:
        context.folder.adapter.mkdir(parents=True, exist_ok=True)
        measured.save(context.folder.adapter)


@pytest.mark.parametrize("row", ["r4", "original", "probe"])
def test_a_row_whose_gate_failed_is_scored_in_float32_and_keeps_nothing(tmp_path: Path, row: str) -> None:
    context = context_in(tmp_path, row, "test", plans.plan(inference="bfloat16"))
    save_gate(context, Agreement(100, 5, 0.9, 0.9, 0.01))
    assert supervisor._heap("score", context) == {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"}


@pytest.mark.parametrize(
    ("action", "split", "row", "precision", "keeps"),
    [
        ("fit", "train", "r4", "bfloat16", True),
        ("measure", "train", "r4", "bfloat16", True),
        ("score", "validation", "r4", "bfloat16", False),
        ("score", "test", "r4", "bfloat16", True),
        ("score", "test", "original", "bfloat16", True),
        ("score", "test", "probe", "bfloat16", True),
        ("score", "test", "r4", "float32", False),
        ("fit", "train", "r4", "float32", False),
        ("fit", "train", "wild", "bfloat16", False),
        ("fit", "train", "probe", "bfloat16", True),
        ("fit", "train", "probe", "float32", False),
    ],
)
def test_only_work_in_bfloat16_keeps_what_onednn_makes(
    tmp_path: Path, action: Any, split: str, row: str, precision: str, keeps: bool
) -> None:
    ways = {"r4": plans.candidate(), "wild": plans.candidate(fallback_reason="dropout of the adapter")}
    plan = plans.plan(candidates=ways, model=plans.model(precision=precision), inference=precision)
    context = context_in(tmp_path, row, split, plan)
    save_gate(context, Agreement(100, 0, 0.9, 0.9, 0.01))
    assert supervisor._heap(action, context) == ({} if keeps else {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"})
    context.folder.checkpoints.mkdir(parents=True)
    write_json(context.folder.reduced_budget, {"token_budget": 48})
    assert supervisor._heap(action, context) == {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"}  # the system killed it
    context.folder.reduced_budget.unlink()
    if action == "fit" and row in ways:
        context = replace(context, plan=replace(plan, device={"device": "cpu", "gpu": "Example 80GB"}))
        # oneDNN multiplies in float32 then
        assert supervisor._heap(action, context) == {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"}


@pytest.mark.parametrize(
    ("own", "spin_count"),
    [
        ({}, "1000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, None),  # the count would override it
    ],
)
def test_threads_of_a_child_spin_shortly_unless_the_user_says_how_they_wait(
    child: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: dict[str, str], spin_count: str | None
) -> None:
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    seen = tmp_path / "seen"
    child(f"open({str(seen)!r}, 'w').write(repr(os.environ.get('GOMP_SPINCOUNT'))); say(event='done')")
    assert seen.read_text() == repr(spin_count)
