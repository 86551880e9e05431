"""Every error has a stable code, no two the same, and a line in docs/errors.md."""

import re
from pathlib import Path

import pytest

from finetooth import errors
from finetooth.cli.docs import error_classes
from finetooth.cli.exit_codes import OTHER_CODES
from finetooth.errors import DataError, FinetoothError, Interrupted

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
CODES = {  # stable: programs compare them
    "FinetoothError": "failed",
    "RecipeError": "recipe_invalid",
    "SourceError": "source_unavailable",
    "DataError": "data_invalid",
    "ModelError": "model_invalid",
    "DivergedError": "training_diverged",
    "VerificationError": "verification_failed",
    "RunError": "run_unusable",
    "LockedError": "run_locked",
    "KilledError": "out_of_memory",
    "ChangedError": "run_changed",
    "Interrupted": "interrupted",
}


def test_codes_are_these_and_no_two_are_alike() -> None:
    assert {kind.__name__: kind.code for kind in error_classes()} == CODES
    every = [*CODES.values(), *OTHER_CODES]
    assert len(set(every)) == len(every)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in every)


def test_every_class_sets_its_own_code() -> None:
    for kind in error_classes():
        assert "code" in vars(kind), kind.__name__


def test_every_kind_of_error_in_the_docstring_is_a_class_with_that_exit_code() -> None:
    listed = re.findall(r"^[│├└─ ]*(\w+) +(\d+)(?: / 143)?  ", errors.__doc__ or "", re.MULTILINE)
    assert dict(listed) == {
        kind.__name__: str(130 if kind is Interrupted else kind.exit_code) for kind in error_classes()
    }


def test_every_code_has_a_line_in_the_documentation() -> None:
    documented = re.findall(
        r"^\| `([a-z_]+)` \| [\d, ]+ \|.*\| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [code for code, _ in documented] == [*CODES.values(), *OTHER_CODES]
    assert all(meaning.endswith(".") for _, meaning in documented)


def test_a_kind_of_another_module_has_the_code_of_its_class() -> None:
    class Unreachable(DataError):
        pass

    assert Unreachable("x").code == "data_invalid"
    with pytest.raises(FinetoothError) as caught:
        raise Unreachable("x")
    assert caught.value.code == "data_invalid"
