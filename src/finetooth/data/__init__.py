"""Reads labelled text from files and divides it into three splits. Every example keeps its file and row number."""

from finetooth.data.examples import Dataset, Examples
from finetooth.data.inputs import read_labelled, read_texts
from finetooth.data.load import load

__all__ = ["Dataset", "Examples", "load", "read_labelled", "read_texts"]
