"""What a library raises about a stranger's file, as an error of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from finetooth.errors import FinetoothError, ModelError


@contextmanager
def refused(problem: str) -> Iterator[None]:
    """A block in which a library reads a stranger's file. problem: what its failure means, with the file's owner.

    Raises: ModelError with the problem and the first line of what the library says. Errors of ours, a lack of memory
    and signals pass.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError, FinetoothError):  # a signal handler raises Interrupted
        raise
    except BaseException as error:  # the tokenizers library panics with what is no Exception
        detail = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"{problem} ({detail}).") from error
