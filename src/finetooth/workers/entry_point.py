"""Entry point of a worker process: one job on the first line of stdin, JSON lines on stdout.

The process ends at once when stdin closes, since that means that its command was killed.
"""

import gc
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import NoReturn

from finetooth.errors import FinetoothError
from finetooth.files import discard
from finetooth.row_kinds import RowKind
from finetooth.rows import row_of, rows
from finetooth.rows.context import Channel, Context, Job
from finetooth.rows.outputs import add_costs
from finetooth.runs import finished
from finetooth.runs.disk import disk_faults
from finetooth.runs.layout import RunFolder
from finetooth.runs.lock import worker_lock
from finetooth.runs.memory import peak_bytes, ran_out
from finetooth.workers.channel import Reporter, Stopping, send


def main(*, forked: bool = False) -> NoReturn:
    """Do the job and exit 0; exit with the error's code after reporting it.

    forked: not a new interpreter, but forked from one that has only imported what rows need.
    """
    gc.disable()  # imported objects stay: searching them for garbage takes a sixth of the start time
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_die_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command handles Ctrl-C, and passes it on
    folder = RunFolder(Path(job.run))
    try:
        with disk_faults(folder), worker_lock(folder):
            work(job, new_interpreter=not forked)
    except FinetoothError as error:
        send({"event": "error", "type": type(error).__name__, "message": str(error)})
        sys.exit(error.exit_code)
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        send({"event": "error", "type": "RunError", "message": f"{job.row}: {_OUT_OF_MEMORY}"})
        sys.exit(1)
    send({"event": "done"})
    sys.exit(0)


_OUT_OF_MEMORY = (
    "memory ran out; close other programs and run the same command again, or begin another run with --out and a lower "
    "training.token_budget or max_tokens."
)


def work(job: Job, *, new_interpreter: bool) -> None:
    """Do a job."""
    row, reporter = row_of(job.row), Reporter()
    _import_libraries(row.kind)
    context = Context.read(job, new_interpreter=new_interpreter)
    gc.freeze()
    gc.enable()
    channel = Channel(reporter.advance, Stopping().signal_received)
    folder = context.folder
    if job.action == "fit":
        earlier = (folder.finished, folder.adapter, folder.baseline, folder.curve, folder.predictions, folder.verify)
        for path in earlier:
            discard(path)
        row.fit(context, channel)
        finished.record(folder, finished.FITTED, run_id=context.plan.run_id)
    elif job.action == "score":
        row.score(context, channel)
    else:
        from finetooth.rows import step_costs

        step_costs.measure(context)
    reporter.flush()
    add_costs(folder, peak_bytes=peak_bytes())


def import_all() -> None:
    """Import what any row may need, and compute nothing."""
    from finetooth.baselines import logistic
    from finetooth.rows import step_costs  # noqa: F401

    for row in rows():
        _import_libraries(row.kind)
    logistic.import_library()


def _import_libraries(kind: RowKind) -> None:
    """Import the libraries that a row of this kind would import at its first use."""
    if kind.needs_model:
        from finetooth.models import loading

        loading.import_library()
    if kind.trained:
        from finetooth.models import adapters

        adapters.peft_library()


def _die_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)  # the command has ended: its lock is free, so nothing may be written any more


if __name__ == "__main__":
    main()
