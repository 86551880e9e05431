"""What the process of a row is told: its job, and SIGTERM, which it obeys at once until the loop has begun to ask."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

import plans
from finetooth.recipe import load
from finetooth.rows.context import Context, Job
from finetooth.runs.layout import RunFolder

CODE = """
import os, signal
from finetooth.workers.channel import Stopping
stopping = Stopping()
{asks}
os.kill(os.getpid(), signal.SIGTERM)
print(stopping.signal_received() == signal.SIGTERM)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM handlers")
@pytest.mark.parametrize(
    ("asks", "returncode", "output"), [("", -signal.SIGTERM, ""), ("stopping.signal_received()", 0, "True\n")]
)
def test_a_signal_is_kept_for_the_loop_only_once_it_asks(asks: str, returncode: int, output: str) -> None:
    done = subprocess.run([sys.executable, "-c", CODE.format(asks=asks)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (returncode, output), done.stderr


def test_a_job_survives_json_and_has_a_known_action(tmp_path: Path) -> None:
    recipe = load({"name": "x", "model": "a/b", "data": {"source": "c"}})
    context = Context(
        run_folder=RunFolder(tmp_path / "run"),
        recipe=recipe,
        plan=plans.plan(),
        row="r4",
        row_seed=3,
        split="test",
        base_folder=tmp_path / "base",
    )
    job = context.job("score")
    assert Job(**json.loads(json.dumps(asdict(job)))) == job
    assert (job.action, job.run, job.row, job.seed) == ("score", str(tmp_path / "run"), "r4", 3)
    assert (job.split, job.base_folder) == ("test", str(tmp_path / "base"))
    with pytest.raises(AssertionError, match="train"):
        Job(**(asdict(job) | {"action": "train"}))
