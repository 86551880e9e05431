"""From files of labelled text to three splits whose every example knows its file and row."""

from finetooth.data.examples import Dataset, Examples
from finetooth.data.inputs import read_labelled, read_texts
from finetooth.data.load import load

__all__ = ["Dataset", "Examples", "load", "read_labelled", "read_texts"]
