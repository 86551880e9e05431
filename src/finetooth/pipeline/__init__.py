"""run(recipe), step by step, and what a finished run is used for."""

from finetooth.pipeline.running import Run, run
from finetooth.pipeline.using import evaluate, load

__all__ = ["Run", "evaluate", "load", "run"]
