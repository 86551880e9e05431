"""The tasks that Finetooth trains for, one file each (CONTRIBUTING.md, "Add a task"). Numpy only."""

import importlib
import pkgutil
from collections.abc import Mapping

from finetooth.tasks.metric import Logits, Metric, Outputs, PairedTest, Scores, Targets
from finetooth.tasks.task import Labels, Task

__all__ = [
    "DEFAULT", "TASKS", "Labels", "Logits", "Metric", "Outputs", "PairedTest", "Scores", "Targets", "Task",
]  # fmt: skip


def _all() -> Mapping[str, Task]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    tasks = [module.TASK for module in modules if hasattr(module, "TASK")]
    return {task.name: task for task in tasks}


TASKS = _all()
DEFAULT = TASKS["single_label"]  # recipes name no task: there is one
