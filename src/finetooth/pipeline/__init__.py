"""run(recipe), step by step, and what a finished run is used for.

Each name is imported when it is first used: predict needs nothing of what run needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetooth.pipeline.evaluating import evaluate as evaluate
    from finetooth.pipeline.finished_run import Run as Run
    from finetooth.pipeline.finished_run import open_run as open_run
    from finetooth.pipeline.running import run as run
    from finetooth.pipeline.using import load as load
    from finetooth.pipeline.verifying import Verification as Verification
    from finetooth.pipeline.verifying import verify as verify

_HOMES = {
    "Run": "finished_run",
    "Verification": "verifying",
    "evaluate": "evaluating",
    "load": "using",
    "open_run": "finished_run",
    "run": "running",
    "verify": "verifying",
}

__all__ = ["Run", "Verification", "evaluate", "load", "open_run", "run", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'finetooth.pipeline' has no attribute {name!r}")
    return getattr(import_module(f"finetooth.pipeline.{_HOMES[name]}"), name)
