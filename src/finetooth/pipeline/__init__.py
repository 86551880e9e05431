"""check(recipe) and run(recipe), step by step, and the uses of a finished run.

Each name is imported when it is first used, so that predict imports nothing that only run needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetooth.pipeline.check_text import describe as describe
    from finetooth.pipeline.data_evaluation import evaluate as evaluate
    from finetooth.pipeline.finished_run import Run as Run
    from finetooth.pipeline.finished_run import open_run as open_run
    from finetooth.pipeline.recipe_check import check as check
    from finetooth.pipeline.run_recipe import run as run
    from finetooth.pipeline.run_verification import Verification as Verification
    from finetooth.pipeline.run_verification import verify as verify
    from finetooth.pipeline.trained_model import load as load

_HOMES = {
    "Run": "finished_run",
    "Verification": "run_verification",
    "check": "recipe_check",
    "describe": "check_text",
    "evaluate": "data_evaluation",
    "load": "trained_model",
    "open_run": "finished_run",
    "run": "run_recipe",
    "verify": "run_verification",
}

__all__ = ["Run", "Verification", "check", "describe", "evaluate", "load", "open_run", "run", "verify"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'finetooth.pipeline' has no attribute {name!r}")
    return getattr(import_module(f"finetooth.pipeline.{_HOMES[name]}"), name)
