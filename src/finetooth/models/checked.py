"""A stranger's files: JSON is checked before a library sees it; a failing library becomes an error of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetooth.errors import FinetoothError, ModelError
from finetooth.runs.memory import ran_out
from finetooth.sources.regular_files import open_regular
from finetooth.untrusted import check_file, parse

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
# A signal handler raises Interrupted, which is a FinetoothError.
_NOT_OF_THE_FILE = (KeyboardInterrupt, SystemExit, FinetoothError, ImportError, AssertionError)


def read_checked(file: Path, *, owner: str) -> dict[str, Any]:
    """The settings in `file`, all of them allowed.

    owner: what the file belongs to, for messages. Raises: ModelError naming file and key that is refused; SourceError
    if it is no regular file.
    """
    with open_regular(file) as stream:
        data = stream.read()
    try:
        value = parse(data)
    except ValueError as error:
        raise ModelError(f"{owner}: {file.name} is not valid JSON ({error}).") from error
    for problem in check_file(file.name, value):
        raise ModelError(f"{owner}: {file.name}: {problem}")
    settings: dict[str, Any] = value
    return settings


@contextmanager
def refused(problem: str) -> Iterator[None]:
    """A block in which a library reads a stranger's file. problem: what its failure means, with the file's owner.

    Raises: ModelError with the problem and the first line of what the library says. Errors of Finetooth, its own
    mistakes (a failed import or assertion), a lack of memory and signals pass.
    """
    try:
        yield
    except _NOT_OF_THE_FILE:
        raise
    except BaseException as error:  # the tokenizers library panics with what is no Exception
        if ran_out(error):
            raise
        detail = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"{problem} ({detail}).") from error
