"""What is missing or odd in a PEFT adapter folder of any origin, and how to mend it; nothing of it is run or loaded."""

from finetooth.doctor.examining import Diagnosis, examine
from finetooth.doctor.finding import Finding

__all__ = ["Diagnosis", "Finding", "examine"]
