"""The server that forks the processes of rows, and how such a process ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from finetooth.errors import Interrupted
from finetooth.progress import Silent
from finetooth.rows.context import Action, Context
from finetooth.workers.process import LOST, Forked, Server, can_fork
from finetooth.workers.supervisor import Supervisor, _environment

pytestmark = pytest.mark.skipif(not can_fork(), reason="rows are forked on Linux only")


@pytest.fixture(scope="module")
def command() -> Iterator[Supervisor]:
    """A command whose server all tests fork from."""
    working = Supervisor()
    with working.serving():
        working.warm()
        yield working


@pytest.fixture
def forked(command: Supervisor, tmp_path: Path) -> Iterator[Callable[..., Forked]]:
    """A function that forks a process with more environment."""
    streams, made = (tmp_path / "stderr.log").open("w+"), []

    def fork(**environment: str) -> Forked:
        assert command.server is not None
        child = command.server.fork(environment, streams)
        assert child is not None
        made.append(child)
        return child

    with streams:
        yield fork
        for child in made:
            child.kill()
            child.wait()
            child.stdin.close()
            child.stdout.close()


def done(command: Supervisor, context: Context, action: Action, *, new_interpreter: bool) -> None:
    with Silent().step("x") as step:
        command.call(action, context, step, new_interpreter=new_interpreter)


def test_what_libraries_read_at_their_first_operation_is_read_in_the_child(
    begin: Any, forked: Callable[..., Forked]
) -> None:
    context = begin()
    done(Supervisor(), context("fit", "original"), "fit", new_interpreter=True)
    child = forked(ONEDNN_VERBOSE="1")
    child.stdin.write(json.dumps(asdict(context("score", "original", "validation").job("score"))) + "\n")
    child.stdin.flush()
    output = child.stdout.read()
    assert child.wait() == 0
    assert "onednn_verbose,v1,info,oneDNN" in output  # said once a process, before the first operation


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_ends_it_and_is_its_return_code(forked: Callable[..., Forked], number: signal.Signals) -> None:
    child = forked()
    assert child.poll() is None
    (child.kill if number == signal.SIGKILL else child.terminate)()
    assert child.wait() == child.poll() == -number


def test_it_has_a_session_of_its_own_and_ends_when_its_stdin_closes(forked: Callable[..., Forked]) -> None:
    child = forked()
    began = time.monotonic()
    while os.getsid(child.pid) != child.pid:  # until it has come so far
        assert time.monotonic() - began < 30
    child.stdin.close()
    assert child.wait() == 1


def test_where_the_server_is_gone_a_new_interpreter_does_the_job(begin: Any, tmp_path: Path) -> None:
    context, working = begin(), Supervisor()
    with working.serving():
        working.warm()
        assert working.server is not None
        working.server._process.kill()
        working.server._process.wait()
        done(working, context("fit", "majority"), "fit", new_interpreter=False)
        assert working.server is None and context("fit", "majority").folder.baseline.is_dir()


def test_an_import_that_starts_a_thread_leaves_rows_to_new_interpreters(
    begin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = tmp_path / "imported"
    imported.mkdir()
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    (imported / "sitecustomize.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(imported))
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")  # it strips assertions
    context, working = begin(), Supervisor()
    with working.serving():
        working.warm()
        done(working, context("fit", "majority"), "fit", new_interpreter=False)
        assert working.server is None and context("fit", "majority").folder.baseline.is_dir()
    assert (
        context("fit", "majority")
        .run_folder.stderr.read_text()
        .startswith("Not forked: the fork server has threads of its own (python")
    )


def test_a_signal_in_the_wait_for_a_process_leaves_no_file_open_and_no_process(tmp_path: Path) -> None:
    def interrupt(number: int, frame: Any) -> None:
        raise Interrupted("interrupted", signal_number=number)

    server = Server(_environment())
    os.kill(server._process.pid, signal.SIGSTOP)  # so that no answer comes
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with (tmp_path / "stderr.log").open("w+") as stderr:
            files = len(list(Path("/proc/self/fd").iterdir()))
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(Interrupted) as caught:
                server.fork({}, stderr)
            assert len(list(Path("/proc/self/fd").iterdir())) == files - 1  # the socket is closed too
            assert server.fork({}, stderr) is None
    finally:
        signal.signal(signal.SIGALRM, before)
        os.kill(server._process.pid, signal.SIGCONT)
    assert server._process.wait(60) == 1  # once it has imported, forked, and seen the process end
    server.close()
    assert "Expecting value" in (tmp_path / "stderr.log").read_text()  # the process found its stdin closed
    assert caught.value is not None  # with its traceback until here


def test_the_server_ends_when_its_command_is_killed() -> None:
    program = (
        "import time\nfrom finetooth.workers.process import Server\n"
        "from finetooth.workers.supervisor import _environment\n"
        "print(Server(_environment())._process.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        server = int(run.stdout.readline())
        run.kill()
    for _ in range(600):
        if not Path(f"/proc/{server}").exists() or "\nState:\tZ" in Path(f"/proc/{server}/status").read_text():
            return
        time.sleep(0.1)
    pytest.fail("the server still runs without its command")


def test_a_server_that_is_lost_is_no_return_code_of_the_child(tmp_path: Path) -> None:
    server = Server(_environment())
    with (tmp_path / "stderr.log").open("w+") as stderr:
        child = server.fork({}, stderr)
        assert child is not None
        server._process.kill()
        assert child.wait() == LOST
        child.kill()
        child.stdin.close()
        child.stdout.close()
    server.close()


def test_a_variable_that_a_library_sets_in_the_command_starts_no_other_server(
    begin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KMP_INIT_AT_FORK", raising=False)
    working = Supervisor()
    with working.serving():
        working.warm()
        first = working.server
        monkeypatch.setenv("KMP_INIT_AT_FORK", "FALSE")  # as scikit-learn does when it is imported
        working.warm()
        done(working, begin()("fit", "majority"), "fit", new_interpreter=False)
        assert working.server is first
    assert working.server is None
    assert "KMP_INIT_AT_FORK" not in working.environment
