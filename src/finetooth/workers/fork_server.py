"""Forks the process of each row from one that has imported what rows need and has computed nothing (ADR 14).

    python -P -m finetooth.workers.fork_server FD

FD is a socket to the command. A message requests one process: {"environment": {...}}, with the file descriptors of its
stdin, stdout and stderr. The answers are {"pid": n} and, when that process has ended, {"returncode": n}, which is
negative for a signal. The server ends when the command closes the socket or ends. Linux only.
"""

import gc
import json
import os
import socket
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

from finetooth.workers import entry_point

MOST_BYTES = 65_536  # of a message
# A thread that jemalloc (in pyarrow) starts on import. A fork does not harm it: jemalloc stops and restarts it.
_SOUND_THREADS = frozenset({"jemalloc_bg_thd"})


def main(control: socket.socket) -> NoReturn:
    """Serve one command until it closes its end of the socket."""
    gc.disable()
    entry_point.import_all()
    gc.freeze()  # so that collecting garbage in a child copies none of these pages
    _end_threads_of_openblas()
    while True:
        message, streams, _, _ = socket.recv_fds(control, MOST_BYTES, 3)
        _reap()
        if not message:
            os._exit(0)
        threads = _threads()
        if threads:
            _refuse(threads, streams[2])
        pid = _fork()
        if pid == 0:
            control.close()
            _become(json.loads(message), streams)
        for stream in streams:
            os.close(stream)
        _send(control, {"pid": pid})
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # not reaped: the command may still send a signal
        assert ended is not None
        code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        _send(control, {"returncode": code})


def _end_threads_of_openblas() -> None:
    """Fork a process that ends at once: OpenBLAS ends its threads before a fork and starts none until it computes."""
    pid = _fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _refuse(threads: list[str], stderr: int) -> NoReturn:
    """End the server, with the reason on the stderr of the requested process.

    threads: names of threads, started by a library that computed or by an import. A fork copies no other thread, so
    that their work would stay half done in the child.
    """
    reason = f"Not forked: the fork server has threads of its own ({', '.join(threads)}). A new interpreter is started."
    os.write(stderr, f"{reason}\n".encode())
    os._exit(1)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns of threads. Those of OpenBLAS are there; it ends them before a fork and starts them after.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become(order: dict[str, Any], streams: list[int]) -> NoReturn:
    """Become the process of a row: take its session, streams and environment, then do what a new interpreter does."""
    code = 1
    try:
        os.setsid()
        for descriptor, stream in enumerate(streams):
            os.dup2(stream, descriptor)
            os.close(stream)
        os.environ.update(order["environment"])
        entry_point.main(forked=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - printed on stderr, as an interpreter does at its end
        traceback.print_exc()
    finally:
        for output in (sys.stdout, sys.stderr):
            output.flush()
        os._exit(code)


def _send(control: socket.socket, answer: dict[str, int]) -> None:
    try:
        control.sendall(json.dumps(answer).encode())
    except OSError:  # the command has ended; its row's process ends by itself
        os._exit(1)


def _reap() -> None:
    """Release the previous process, if there was one."""
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        return


def _threads() -> list[str]:
    """The names of threads besides the main thread that a fork would lose."""
    threads = (path for path in Path("/proc/self/task").iterdir() if path.name != str(os.getpid()))
    names = [(path / "comm").read_text(encoding="utf-8", errors="replace").strip() for path in threads]
    return sorted(name for name in names if name not in _SOUND_THREADS)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
