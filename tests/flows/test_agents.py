"""AGENTS.md tells what each verb prints with --json; a finished run is asked whether that is so."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from trials import Finished

AGENTS = (Path(__file__).parents[2] / "AGENTS.md").read_text(encoding="utf-8")
# | `VERB …` | each of a list, or nothing | `field`, `field` |
_LINE = re.compile(r"^\| `([a-z]+)[^`]*` \| (.*?) \| (.*) \|$", re.MULTILINE)
FIELDS = {verb: (shape, set(re.findall(r"`(\w+)`", fields))) for verb, shape, fields in _LINE.findall(AGENTS)}


def test_every_verb_that_prints_json_has_a_line() -> None:
    assert set(FIELDS) == {"run", "check", "predict", "evaluate", "show", "verify", "doctor", "compare", "fetch"}


@pytest.mark.parametrize("verb", ["check", "predict", "evaluate", "show", "verify", "doctor", "fetch"])
def test_the_fields_are_those_that_the_verb_prints(table: Finished, said: Any, verb: str) -> None:
    trial = table.trial
    arguments = {
        "check": [str(trial.recipe)],
        "predict": ["--with", str(trial.out), "a lovely film"],
        "evaluate": [str(trial.out)],
        "show": [str(trial.out)],
        "verify": [str(trial.out)],
        "doctor": [str(trial.row.adapter)],
        "fetch": [str(trial.recipe)],
    }[verb]
    code, out, err = said(trial, verb, *arguments, "--json")
    assert code == 0, err
    held(verb, json.loads(out))


def test_the_fields_of_run_are_those_that_it_prints(table: Finished) -> None:
    held("run", json.loads(table.said.stdout))


def test_the_fields_of_compare_are_those_that_it_prints(table: Finished, steady: Finished, said: Any) -> None:
    code, out, err = said(table.trial, "compare", str(table.trial.out), str(steady.trial.out), "--json")
    assert code == 0, err
    held("compare", json.loads(out))


def held(verb: str, printed: Any) -> None:
    """Check that what a verb printed holds the fields of its line; it may hold others."""
    shape, fields = FIELDS[verb]
    if shape == "list, each with":
        assert isinstance(printed, list) and printed
        printed = printed[0]
    else:
        assert shape == "object with"
    assert fields and fields <= set(printed)
