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
    from finetooth.pipeline import Run as Run
    from finetooth.pipeline import check as check
    from finetooth.pipeline import evaluate as evaluate
    from finetooth.pipeline import load as load
    from finetooth.pipeline import open_run as open_run
    from finetooth.pipeline import run as run
    from finetooth.pipeline import verify as verify
    from finetooth.progress import Progress as Progress
    from finetooth.recipe import Recipe as Recipe
    from finetooth.recipe_draft import load_recipe as load_recipe
    from finetooth.runs.across import compare as compare

_HOMES = {
    "FinetoothError": ("finetooth.errors", "FinetoothError"),
    "Predictor": ("finetooth.models.predictor", "Predictor"),
    "Progress": ("finetooth.progress", "Progress"),
    "Recipe": ("finetooth.recipe", "Recipe"),
    "Run": ("finetooth.pipeline", "Run"),
    "check": ("finetooth.pipeline", "check"),
    "compare": ("finetooth.runs.across", "compare"),
    "evaluate": ("finetooth.pipeline", "evaluate"),
    "load": ("finetooth.pipeline", "load"),
    "load_recipe": ("finetooth.recipe_draft", "load_recipe"),
    "open_run": ("finetooth.pipeline", "open_run"),
    "run": ("finetooth.pipeline", "run"),
    "verify": ("finetooth.pipeline", "verify"),
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
