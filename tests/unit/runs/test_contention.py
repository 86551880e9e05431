"""What is counted as waiting is what other processes took."""

import os
import subprocess
import sys
import time

import pytest

from finetooth.runs import contention
from finetooth.runs.contention import ProcessorTime, waited_share

LOOP = "import os; os.sched_setaffinity(0, {%d}); print(flush=True)\nwhile True: pass"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or ProcessorTime.now() is None, reason="Linux counts it")
def test_a_process_that_shares_its_processor_waits_about_half_of_its_time() -> None:
    before = os.sched_getaffinity(0)
    cpu = min(before)
    with subprocess.Popen([sys.executable, "-c", LOOP % cpu], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        os.sched_setaffinity(0, {cpu})
        try:
            started = ProcessorTime.now()
            limit = time.process_time() + 0.3
            while time.process_time() < limit:
                pass
            share = waited_share(started)
        finally:
            os.sched_setaffinity(0, before)
            other.kill()
    assert share is not None and 0.2 < share < 1.0


def test_where_the_system_does_not_tell_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contention, "_THREADS", contention.Path("/nowhere"))
    assert ProcessorTime.now() is None
    assert waited_share(None) is None
    assert waited_share(ProcessorTime(5, 5)) is None
