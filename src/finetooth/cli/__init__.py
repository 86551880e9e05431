"""The command line: each verb is one call into the library, its result on stdout, its progress on stderr."""

from finetooth.cli.app import main

__all__ = ["main"]
