import contextlib
import socket
import subprocess
import sys
import threading
import time

import pytest
from filelock import FileLock

from finetooth.errors import LockedError, RunError
from finetooth.runs import lock
from finetooth.runs.layout import RunFolder

HOLDER = """
import sys, time
from pathlib import Path
from finetooth.errors import LockedError
from finetooth.runs.layout import RunFolder
from finetooth.runs import lock
lock.CHILD_SECONDS = 0.2
role, folder, seconds = sys.argv[1:4]
try:
    with getattr(lock, f"{role}_lock")(RunFolder(Path(folder))):
        print("held", flush=True)
        time.sleep(float(seconds))
except LockedError as error:
    print(error, flush=True)
"""


@contextlib.contextmanager
def process(role, folder, seconds=60.0):
    command = [sys.executable, "-c", HOLDER, role, str(folder), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def command_lock(folder):
    return lock.command_lock(RunFolder(folder))


def test_the_second_command_names_the_holder(tmp_path):
    with process("command", tmp_path) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError) as error, command_lock(tmp_path):
            pass
    assert str(error.value) == (
        f"{tmp_path} is in use by process {holder.pid} on {socket.gethostname()}. "
        "Wait until it ends, or name another folder with --out."
    )


@pytest.mark.parametrize("role", ["command", "worker"])
def test_no_lock_is_stale_after_kill_9(tmp_path, role):
    with process(role, tmp_path) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        holder.wait()
        began = time.monotonic()
        with command_lock(tmp_path), lock.worker_lock(RunFolder(tmp_path)):
            pass
        assert time.monotonic() - began < 2


def test_a_holder_that_writes_its_note_late_is_named(tmp_path):
    folder = RunFolder(tmp_path)
    folder.lock.parent.mkdir(parents=True, exist_ok=True)
    note = folder.lock.with_name(f"{folder.lock.name}.holder")
    late = threading.Timer(0.3, note.write_text, ['{"pid": 7, "host": "elsewhere"}'])
    with FileLock(folder.lock, thread_local=False):
        late.start()
        with pytest.raises(LockedError, match="in use by process 7 on elsewhere"), command_lock(tmp_path):
            pass


def test_of_many_commands_exactly_one_wins(tmp_path):
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(process("command", tmp_path)) for _ in range(6)]
        answers = {one.pid: one.stdout.readline() for one in started}
    winners = [pid for pid, answer in answers.items() if answer == "held\n"]
    assert len(winners) == 1
    for pid, answer in answers.items():
        assert pid == winners[0] or f"process {winners[0]} on" in answer


def test_a_command_waits_for_a_dying_child(tmp_path):
    with process("worker", tmp_path, seconds=0.7) as child:
        assert child.stdout.readline() == "held\n"
        began = time.monotonic()
        with command_lock(tmp_path):
            assert time.monotonic() - began > 0.3


def test_a_child_that_does_not_die_is_named_and_the_folder_left_free(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "CHILD_SECONDS", 0.2)
    with process("worker", tmp_path) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(LockedError, match=f"in use by process {child.pid} on"):
            command_lock(tmp_path).__enter__()
    with command_lock(tmp_path):
        pass


def test_a_command_and_its_child_hold_at_once_but_two_children_do_not(tmp_path):
    with command_lock(tmp_path), process("worker", tmp_path) as first:
        assert first.stdout.readline() == "held\n"
        with process("worker", tmp_path) as second:
            assert f"in use by process {first.pid} on" in second.stdout.readline()


def test_a_lock_is_free_again_after_its_block_and_after_an_error_in_it(tmp_path):
    with pytest.raises(KeyError), command_lock(tmp_path):
        raise KeyError
    with command_lock(tmp_path / "new" / "folder"):
        pass
    with command_lock(tmp_path):
        pass
    assert not list(tmp_path.glob("*.holder"))


def test_a_folder_that_cannot_be_locked_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError) as error, command_lock(tmp_path / "file"):
        pass
    assert str(error.value) == (
        f"{tmp_path}/file cannot be locked ([Errno 17] File exists: '{tmp_path}/file'). Name another folder with --out."
    )
