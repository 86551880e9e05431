"""Where the calls that only POSIX has are missing, everything still imports, and a first look at data works.

This stands in for a machine that is not here: it takes names away from Python on Linux, and no more. Paths, encodings,
signals and the processes of Windows and macOS are not shown by it (docs/platforms.md).
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import finetooth
import tiny

# What Windows lacks, less what third parties take where the platform calls itself Linux: fcntl, termios, SIGKILL.
CALLS = "preadv pwritev pread pwrite readv writev fork forkpty getuid geteuid getgid setsid killpg mkfifo"
FLAGS = "O_NOFOLLOW O_DIRECTORY O_SYNC O_DSYNC"
SIGNALS = "SIGHUP SIGQUIT SIGUSR1 SIGUSR2 SIGALRM SIGTSTP SIGCHLD"
COMMAND = ("-c", "from finetooth.cli import main; main()")
MODULES = "resource pwd grp syslog"
_TAKEN_AWAY = f"""
import os, signal, sys
import psutil  # of its own modules, that of Linux imports resource
for name in "{CALLS} {FLAGS}".split():
    vars(os).pop(name, None)
for name in "{SIGNALS}".split():
    vars(signal).pop(name, None)
for name in "{MODULES}".split():
    sys.modules[name] = None  # its import is an ImportError
stat = os.stat
def elsewhere(path, *more, **named):
    if str(path).startswith(("/proc/", "/sys/")):
        raise FileNotFoundError(2, "is not on this machine", str(path))
    return stat(path, *more, **named)
os.stat = elsewhere
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The environment of a process, and of its children, that lack what Windows lacks."""
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(_TAKEN_AWAY, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "start"), "FINETOOTH_STATE": str(tmp_path / "state")}


def ran(environment: dict[str, str], *arguments: str) -> str:
    """What `python ARGUMENTS` printed; it must have ended well."""
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_calls_are_taken_away(elsewhere):
    assert ran(elsewhere, "-c", "import os, signal; print(hasattr(os, 'preadv'), hasattr(signal, 'SIGHUP'))") == (
        "False False\n"
    )


def test_every_module_imports(elsewhere):
    root = Path(finetooth.__file__).parent
    parts = (path.relative_to(root.parent).with_suffix("").parts for path in sorted(root.rglob("*.py")))
    names = [".".join(name for name in module if name != "__init__") for module in parts]
    assert len(names) > 100
    ran(elsewhere, "-c", f"import importlib\nfor name in {names!r}: importlib.import_module(name)")


def test_help_is_shown(elsewhere):
    assert "quickstart" in ran(elsewhere, *COMMAND, "--help")


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    """One small candidate in the last layer, for which what the layers below compute is kept in a file."""
    model, reviews = tiny.save_model(tmp_path / "model"), tiny.save_reviews(tmp_path / "reviews.csv", 80)
    values = tiny.recipe(model, reviews, baselines=["majority"], training={"epochs": 1, "base_dropout": 0.0})
    values["data"] |= {"validation": 16, "test": 24}
    values["candidates"] = [{"name": "last", "rank": 4, "layers": "last-1"}]
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return str(path)


def test_a_recipe_is_checked(elsewhere, recipe):
    assert json.loads(ran(elsewhere, *COMMAND, "check", recipe, "--json"))["estimated_peak_bytes"] > 0


def test_a_recipe_is_run(elsewhere, recipe, tmp_path):
    result = json.loads(ran(elsewhere, *COMMAND, "run", recipe, "--out", str(tmp_path / "run"), "--json"))
    assert result["complete"] and result["peak_bytes"] > 0
