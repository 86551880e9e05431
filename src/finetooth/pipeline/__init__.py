"""run(recipe), step by step, and what a finished run is used for."""

from finetooth.pipeline.evaluating import evaluate
from finetooth.pipeline.finished_run import Run, open_run
from finetooth.pipeline.running import run
from finetooth.pipeline.using import load
from finetooth.pipeline.verifying import Verification, verify

__all__ = ["Run", "Verification", "evaluate", "load", "open_run", "run", "verify"]
