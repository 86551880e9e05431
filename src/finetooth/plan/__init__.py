"""What a recipe will do, known before anything is trained."""

from finetooth.plan.checking import check
from finetooth.plan.describing import describe

__all__ = ["check", "describe"]
