import json

import pytest
from click import UsageError
from click.testing import CliRunner

from finetooth.cli.app import finetooth as command

FOUND = {
    "schema": 1,
    "examples": 10,
    "test_openings": 1,
    "test_rows_seen": 0,
    "test_runs_seen": 0,
    "test_runs_later": 0,
    "alpha": 0.05,
    "reference": {"run": "runs/my old", "name": "x", "seed": 0},
    "units": 10,
    "group": None,
    "within": None,
    "not_shown_within": None,
    "worse": ["runs/new"],
    "without_winner": [],
    "unlearned": [],
    "rows": [
        {
            "run": "runs/my old", "name": "x", "seed": 0, "winner": True, "heads": None, "accuracy": 0.5,
            "accuracy_interval": [0.2, 0.8], "difference": None, "difference_interval": None, "p": None, "p_holm": None,
        }
    ],
}  # fmt: skip


@pytest.fixture
def calls(monkeypatch):
    calls = []
    monkeypatch.setattr("finetooth.runs.across.compare", lambda runs, within: calls.append((runs, within)) or FOUND)
    return calls


def call(*arguments):
    return CliRunner().invoke(command, ["compare", *arguments], standalone_mode=False)


def test_runs_are_handed_over_as_given_and_the_table_is_printed(calls):
    result = call("runs/my old", "runs/new")
    assert calls == [(("runs/my old", "runs/new"), None)]
    assert result.return_value == 0
    use = "opened once on this machine; none of its rows before"
    assert result.stdout.replace("\n  ", " ").startswith(f"10 test rows, the same in each run: {use}.\n")
    assert result.stderr == "\nNext    finetooth show 'runs/my old' --wide\n"


def test_json_is_what_the_library_gives(calls):
    assert json.loads(call("a", "b", "--json").stdout) == FOUND


def test_a_worse_run_ends_with_3_only_where_asked(calls, monkeypatch):
    assert call("a", "b").return_value == 0
    assert call("a", "b", "--fail-if-worse").return_value == 3
    monkeypatch.setattr("finetooth.runs.across.compare", lambda runs, within: FOUND | {"worse": []})
    assert call("a", "b", "--fail-if-worse").return_value == 0


def test_a_loss_that_is_not_excluded_ends_with_3(calls, monkeypatch):
    assert call("a", "b", "--fail-unless-within", "0.5").return_value == 0
    assert calls[-1] == (("a", "b"), 0.005)
    failed = FOUND | {"within": 0.005, "not_shown_within": ["b"]}
    monkeypatch.setattr("finetooth.runs.across.compare", lambda runs, within: failed)
    assert call("a", "b", "--fail-unless-within", "0.5").return_value == 3
    with pytest.raises(UsageError, match="0<x<=100"):
        CliRunner().invoke(
            command, ["compare", "a", "b", "--fail-unless-within", "0"], standalone_mode=False, catch_exceptions=False
        )


def test_fewer_than_two_runs_are_a_wrong_use(calls):
    with pytest.raises(UsageError, match="compare needs at least two run folders: finetooth compare RUN RUN") as caught:
        CliRunner().invoke(command, ["compare", "a"], standalone_mode=False, catch_exceptions=False)
    assert caught.value.exit_code == 2 and calls == []
