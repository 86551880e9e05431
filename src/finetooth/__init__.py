"""Fine-tune a pre-trained text model by training a few per cent of its parameters, and test whether it was worth it.

    run = finetooth.run(finetooth.load_recipe("recipe.yaml"))
    print(run.table)
    finetooth.load(run.folder).predict(["A film to remember."])

Names are imported when they are first used: importing finetooth costs milliseconds and changes nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetooth.errors import FinetoothError as FinetoothError
    from finetooth.models.predictor import Predictor as Predictor
    from finetooth.pipeline.data_evaluation import evaluate as evaluate
    from finetooth.pipeline.finished_run import Run as Run
    from finetooth.pipeline.finished_run import open_run as open_run
    from finetooth.pipeline.recipe_check import check as check
    from finetooth.pipeline.run_recipe import run as run
    from finetooth.pipeline.run_verification import verify as verify
    from finetooth.pipeline.trained_model import load as load
    from finetooth.progress import Progress as Progress
    from finetooth.recipe import Recipe as Recipe
    from finetooth.recipe_draft import load_recipe as load_recipe
    from finetooth.runs.across import compare as compare
    from finetooth.runs.judging import judge as judge

_HOMES = {
    "FinetoothError": ("finetooth.errors", "FinetoothError"),
    "Predictor": ("finetooth.models.predictor", "Predictor"),
    "Progress": ("finetooth.progress", "Progress"),
    "Recipe": ("finetooth.recipe", "Recipe"),
    "Run": ("finetooth.pipeline.finished_run", "Run"),
    "check": ("finetooth.pipeline.recipe_check", "check"),
    "compare": ("finetooth.runs.across", "compare"),
    "evaluate": ("finetooth.pipeline.data_evaluation", "evaluate"),
    "judge": ("finetooth.runs.judging", "judge"),
    "load": ("finetooth.pipeline.trained_model", "load"),
    "load_recipe": ("finetooth.recipe_draft", "load_recipe"),
    "open_run": ("finetooth.pipeline.finished_run", "open_run"),
    "run": ("finetooth.pipeline.run_recipe", "run"),
    "verify": ("finetooth.pipeline.run_verification", "verify"),
}

__all__ = [
    "FinetoothError",
    "Predictor",
    "Progress",
    "Recipe",
    "Run",
    "check",
    "compare",
    "evaluate",
    "judge",
    "load",
    "load_recipe",
    "open_run",
    "run",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'finetooth' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
