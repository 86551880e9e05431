"""A failing library is the fault of a stranger's file; a mistake of Finetooth and a lack of memory are not."""

import pytest

from finetooth.errors import DataError, Interrupted, ModelError
from finetooth.models.checked import refused


class Panic(BaseException):
    """What the tokenizers library raises where its Rust code fails."""


@pytest.mark.parametrize(
    "error", [ValueError("bad merge\nmore"), KeyError("model"), Panic("bad merge"), RuntimeError("x")]
)
def test_an_error_of_the_library_is_a_fault_of_the_file(error: BaseException) -> None:
    with pytest.raises(ModelError) as caught, refused("the base model: it could not be loaded"):
        raise error
    first = str(error).split("\n")[0]
    assert str(caught.value) == f"the base model: it could not be loaded ({first})."
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        ImportError("cannot import name 'x'"),
        ModuleNotFoundError("No module named 'sentencepiece'"),
        AssertionError("rows"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        KeyboardInterrupt(),
        SystemExit(1),
        Interrupted("interrupted", signal_number=15),
        DataError("reviews.csv row 3"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_is_not_of_the_file_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, refused("the base model: it could not be loaded"):
        raise error
    assert caught.value is error
