"""The process of a row, seen from its command: a new interpreter, or forked from a server that has its imports."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Any

CLOSE_SECONDS = 5.0  # within which a server that has nothing to do ends
LOST = 255  # the return code of a process whose server is gone


def start_new(environment: Mapping[str, str], stderr: IO[str]) -> subprocess.Popen[str]:
    """A new interpreter that waits for a job on its stdin."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "finetooth.workers.entry_point"],  # -P: no module of the working directory
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        encoding="utf-8",
        env=dict(environment),
        start_new_session=True,  # a Ctrl-C reaches the command alone, which passes it on
    )


def can_fork() -> bool:
    """Whether forking is safe on this system: outside Linux, libraries break after a fork."""
    return sys.platform == "linux"


class Forked:
    """A forked process, with the part of subprocess.Popen that the command uses."""

    def __init__(self, pid: int, control: socket.socket, stdin: IO[str], stdout: IO[str]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self.returncode: int | None = None
        self._control = control

    def poll(self) -> int | None:
        """Its return code, or None while it runs."""
        return self._ask(socket.MSG_DONTWAIT)

    def wait(self) -> int:
        """Its return code, once it has ended."""
        code = self._ask(0)
        assert code is not None
        return code

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Tell it to save and end."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.returncode is None:  # the server does not free the process id before the next request
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def _ask(self, flags: int) -> int | None:
        if self.returncode is None:
            try:
                answer = self._control.recv(1024, flags)
            except BlockingIOError:
                return None
            except OSError:
                answer = b""
            self.returncode = int(json.loads(answer)["returncode"]) if answer else LOST
        return self.returncode


class Server:
    """A server that forks processes, one at a time. It starts its imports at once."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._requested = False
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "finetooth.workers.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def fork(self, environment: Mapping[str, str], stderr: IO[str]) -> Forked | None:
        """A process that waits for a job on its stdin; None if the server has ended.

        environment: added to that of the server. The server also ends when it must not fork, and writes the reason to
        `stderr`. An exception while waiting for the process ends the server and the process.
        """
        (read_in, write_in), (read_out, write_out) = os.pipe(), os.pipe()
        stdin = os.fdopen(write_in, "w", encoding="utf-8")
        stdout = os.fdopen(read_out, encoding="utf-8")
        order: dict[str, Any] = {"environment": dict(environment)}
        self._requested = True
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], [read_in, write_out, stderr.fileno()])
            answer = self._control.recv(1024)
        except OSError:
            answer = b""
        except BaseException:  # a signal, most of all
            self._control.close()  # a late answer would be read as that to the next request
            stdin.close()  # on which the process waits; a notebook keeps the traceback, and with it this frame
            stdout.close()
            raise
        finally:
            os.close(read_in)
            os.close(write_out)
        if not answer:
            stdin.close()
            stdout.close()
            return None
        return Forked(int(json.loads(answer)["pid"]), self._control, stdin, stdout)

    def close(self) -> None:
        """End the server; a process that it forked ends too when its stdin closes."""
        self._control.close()
        if not self._requested:  # it may still be at its imports
            self._process.kill()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
