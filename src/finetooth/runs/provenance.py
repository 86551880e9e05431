"""provenance.json: what a run was made with."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "finetooth", "torch", "transformers", "peft", "tokenizers", "safetensors", "numpy", "scipy",
    "scikit-learn", "pyarrow",
)  # fmt: skip
_GIT_SECONDS = 10


def collect(facts: Mapping[str, Any], *, work_tree: Path | None = None) -> dict[str, Any]:
    """The JSON of provenance.json: versions, processor, git state and `facts`; no host name, user name or path.

    facts: what only a model or a device can tell. work_tree: a folder whose git commit, and whether files there differ
    from it, are recorded.
    """
    return {
        "schema": 1,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git": None if work_tree is None else git_state(work_tree),
        **facts,
    }


def processor() -> str:
    """The processor's model name, on which exact figures depend; the architecture where the system does not tell."""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def git_state(folder: Path) -> dict[str, Any] | None:
    """{"commit": str, "dirty": bool} of the work tree around `folder`; None without git, tree or commit."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return None if commit is None or status is None else {"commit": commit.strip(), "dirty": bool(status.strip())}


def _git(folder: Path, *arguments: str) -> str | None:
    program = shutil.which("git")
    if program is None or not folder.is_dir():
        return None
    # fsmonitor off: a work tree's own settings must not start a program; no optional locks: reading writes nothing;
    # none of the caller's GIT_ variables: inside a git hook they name another work tree than the folder's.
    command = [program, "-c", "core.fsmonitor=false", "-C", str(folder), *arguments]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = inherited | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        answer = subprocess.run(command, capture_output=True, timeout=_GIT_SECONDS, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode(errors="replace") if answer.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
