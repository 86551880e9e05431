"""The command line: each verb calls the library once and prints the result on stdout, progress on stderr."""

from finetooth.cli.app import main

__all__ = ["main"]
