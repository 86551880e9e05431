"""The command's side of the worker processes: starts them, shows their progress, passes signals on."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import IO, Any

from finetooth import errors
from finetooth.errors import FinetoothError, Interrupted, KilledError, RunError
from finetooth.files import write_regular
from finetooth.progress import Step
from finetooth.row_kinds import row_kind
from finetooth.rows.context import Action, Context, Job
from finetooth.rows.facts import measured_of
from finetooth.runs.memory import kernel_kills
from finetooth.workers.process import Forked, Server, can_fork, start_new

_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
# MKL promises equal bits from run to run only in this mode (ADR 5), cuBLAS only with such a workspace (ADR 11); a user
# may set others.
_NUMERICS = {"MKL_CBWR": "AUTO", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
# What oneDNN stores for every new shape pins the heap, which then grows with each step (ADR 6). In bfloat16 there are
# few shapes, and they are expensive to build again (ADR 10), so they stay unless the row was killed for its memory.
_HEAP = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "0"}
_KILLED = -getattr(signal, "SIGKILL", 9)  # the return code; Windows has neither


# Threads of OpenMP spin at a barrier until all have arrived. If another program holds the core of one of them, the
# others waste the cores that it needs. A thousand turns cost nothing on an idle machine (docs/experiments.md).
_BARRIERS = {"GOMP_SPINCOUNT": "1000"}


class Supervisor:
    """The processes of one command, at most one at a time.

    The first signal asks it to save and end, a second kills it.
    """

    def __init__(self) -> None:
        # A copy: libraries that the command imports later change the environment of its process.
        self.environment = _environment()
        self.child: subprocess.Popen[str] | Forked | None = None
        self.signal_number: int | None = None
        self.server: Server | None = None
        self.returncode = 0

    @contextmanager
    def serving(self) -> Iterator[None]:
        """A block in which `warm` may be called; the server ends with it."""
        try:
            yield
        finally:
            self._close()

    def warm(self) -> None:
        """Start a server process that imports what rows need, and from which their processes are forked.

        Where forking is not safe it does nothing, and each row's process is a new interpreter.
        """
        if self.server is None and can_fork():
            self.server = Server(self.environment)

    def _close(self) -> None:
        server, self.server = self.server, None
        if server is not None:
            server.close()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into Interrupted while the block runs (only in the main thread)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def call(self, action: Action, context: Context, step: Step, *, new_interpreter: bool = False) -> None:
        """Have a worker process fit the row, score its split or measure what fitting costs; progress goes to `step`.

        The process is forked from the server if there is one; new_interpreter: start a new interpreter instead.

        Raises: the error of the work; RunError when its process ended without an answer; KilledError when the system
        killed it because memory ran out; Interrupted after a signal.
        """
        kills, stderr_file = kernel_kills(), context.run_folder.stderr
        with write_regular(stderr_file, "w+") as stderr:
            self.child = self._start(_heap(action, context), stderr, new_interpreter=new_interpreter)
            try:
                answer = _converse(self.child, context.job(action), step)
            finally:
                self._end()
            if self.signal_number is not None:  # even if the child had finished by then
                raise Interrupted(_INTERRUPTED, signal_number=self.signal_number)
            if answer.get("event") == "done":
                return
            if answer.get("event") == "error":
                error: FinetoothError = getattr(errors, answer["type"], RunError)(answer["message"])
                raise error
            stderr.seek(0)
            killed = self.returncode == _KILLED and kernel_kills() > kills
            message = f"{context.row}: its process was {_silent_end(self.returncode, stderr.read(), killed=killed)}"
            if action != "measure":  # its folder is deleted when the user reads this
                message += f" All lines: {stderr_file}. Run the same command again to continue."
            raise (KilledError if killed else RunError)(message)

    def _start(
        self, heap: Mapping[str, str], stderr: IO[str], *, new_interpreter: bool
    ) -> subprocess.Popen[str] | Forked:
        more = {name: value for name, value in heap.items() if name not in self.environment}
        if self.server is not None and not new_interpreter:
            forked = self.server.fork(more, stderr)
            if forked is not None:
                return forked
            self._close()
        return start_new({**more, **self.environment}, stderr)

    def _end(self) -> None:
        child, self.child = self.child, None
        assert child is not None and child.stdin is not None and child.stdout is not None
        if child.poll() is None:
            child.kill()
            child.wait()
        self.returncode = child.returncode or 0
        for stream in (child.stdin, child.stdout):
            stream.close()

    def _handle(self, signal_number: int, frame: FrameType | None) -> None:
        again = self.signal_number is not None
        self.signal_number = signal_number
        child = self.child
        if child is None:
            raise Interrupted(_INTERRUPTED, signal_number=signal_number)
        if again:
            child.kill()
        else:
            child.terminate()


_INTERRUPTED = "interrupted; what is done is saved. Run the same command again to continue."


def _environment() -> dict[str, str]:
    """The environment of the process of any row; a user who sets OMP_WAIT_POLICY also decides how long threads spin."""
    barriers = {} if "OMP_WAIT_POLICY" in os.environ else _BARRIERS
    return {**_NUMERICS, **barriers, **os.environ, **_OFFLINE}


def _heap(action: Action, context: Context) -> dict[str, str]:
    """The setting of oneDNN for the work on a row: _HEAP, or nothing if the work computes in bfloat16."""
    plan, candidate = context.plan, context.plan.candidates.get(context.row)
    if context.folder.reduced_budget.is_file() or (action == "score" and context.split != "test"):
        return _HEAP
    if action == "score":
        measured = measured_of(context.folder, row_kind(context.row))
        in_bfloat16 = measured is not None and measured.precision(plan.inference) == "bfloat16"
    elif candidate is None:
        in_bfloat16 = plan.inference == "bfloat16"
    else:  # beside a GPU, the CPU computes in float32
        unpadded = candidate.fallback_reason is None
        in_bfloat16 = unpadded and plan.of_model().precision == "bfloat16" and "gpu" not in plan.device
    return {} if in_bfloat16 else _HEAP


def _converse(child: subprocess.Popen[str] | Forked, job: Job, step: Step) -> dict[str, Any]:
    """Send the job and show its progress; returns the last message of the process, or {} if it is none."""
    assert child.stdin is not None and child.stdout is not None
    answer: dict[str, Any] = {}
    try:
        child.stdin.write(json.dumps(asdict(job)) + "\n")
        child.stdin.flush()
    except BrokenPipeError:
        child.wait()
        return {}  # it ended before it read its job; its exit code says why
    for line in child.stdout:
        try:
            answer = json.loads(line)
        except ValueError:
            answer = {}  # it ended in the middle of a line
        if answer.get("event") == "advance":
            step.advance(answer["count"], note=answer["note"])
    child.wait()
    return answer


def _silent_end(returncode: int, stderr: str, *, killed: bool) -> str:
    """How a process ended that gave no answer, with its last line of stderr."""
    last = stderr.strip().splitlines()[-1:] or ["none"]
    if killed:
        reason = "ended by the system, because memory ran out"
    elif returncode < 0:
        name = signal.Signals(-returncode).name
        reason = f"ended by {name}" + (" (usually: memory ran out)" if returncode == _KILLED else "")
    else:
        reason = f"ended with code {returncode}"
    return f"{reason}; its last line of stderr: {last[0]}."
