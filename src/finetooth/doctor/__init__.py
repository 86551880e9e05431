"""Find what is missing or wrong in a PEFT adapter folder of any origin; nothing in it is run or loaded."""

from finetooth.doctor.diagnosis import Diagnosis, Finding
from finetooth.doctor.examination import examine

__all__ = ["Diagnosis", "Finding", "examine"]
