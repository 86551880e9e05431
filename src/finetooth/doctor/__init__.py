"""Find what is missing or wrong in a PEFT adapter folder of any origin; nothing in it is run or loaded."""

from finetooth.doctor.diagnosis import Finding
from finetooth.doctor.examination import Diagnosis, examine

__all__ = ["Diagnosis", "Finding", "examine"]
