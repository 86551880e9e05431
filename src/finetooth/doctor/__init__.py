"""What is missing or odd in a PEFT adapter folder of any origin, and how to mend it; nothing of it is run or loaded."""

from finetooth.doctor.diagnosis import Finding
from finetooth.doctor.examination import Diagnosis, examine

__all__ = ["Diagnosis", "Finding", "examine"]
