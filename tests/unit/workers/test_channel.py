"""How the fresh process obeys SIGTERM: at once, until the loop has begun to ask."""

import signal
import subprocess
import sys

import pytest

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
