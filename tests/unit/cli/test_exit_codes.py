import errno
import json
import os
import signal
import subprocess
import sys

import click
import pytest

from finetooth.cli.app import main
from finetooth.cli.exit_codes import exit_code
from finetooth.errors import DataError, FinetoothError, Interrupted, LockedError, RecipeError


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    "error, code",
    [
        (FinetoothError("it is so."), 1),
        (DataError("it is so."), 1),
        (LockedError("it is so."), 1),
        (RecipeError("it is so."), 2),
        (Interrupted("it is so."), 130),
        (Interrupted("it is so.", signal_number=signal.SIGTERM), 143),
    ],
)
def test_errors_of_ours_are_one_message_and_their_code(error, code, capsys):
    assert exit_code(raising(error)) == code
    assert capsys.readouterr() == ("", "finetooth: it is so.\n")


def test_an_error_about_a_hostile_label_moves_no_cursor(capsys):
    assert exit_code(raising(DataError("a.csv row 2: label '\x1b[2J\x9b1A' is unknown.\nMend it."))) == 1
    assert capsys.readouterr().err == "finetooth: a.csv row 2: label '\ufffd[2J\ufffd1A' is unknown.\nMend it.\n"


@pytest.mark.parametrize("result, code", [(None, 0), (0, 0), (1, 1), ("text", 0)])
def test_what_work_returns_is_its_code(result, code):
    assert exit_code(lambda: result) == code


def test_ctrl_c_is_130(capsys):
    assert exit_code(raising(click.Abort())) == 130
    assert capsys.readouterr().err == "finetooth: interrupted.\n"


def test_a_full_disk_says_where_and_what_to_do(capsys):
    full = OSError(errno.ENOSPC, "No space left on device", "runs/x/results.json")
    assert exit_code(raising(full)) == 1
    assert capsys.readouterr().err == (
        "finetooth: No space left on device: runs/x/results.json. "
        "Free some space, then run the same command again: it continues where it stopped.\n"
    )


def test_what_nobody_expected_is_told_with_the_way_to_report_it(capsys, monkeypatch):
    monkeypatch.delenv("FINETOOTH_DEBUG", raising=False)
    assert exit_code(raising(ZeroDivisionError("division by zero"))) == 70
    assert capsys.readouterr().err == (
        "finetooth: unexpected ZeroDivisionError: division by zero\n"
        "This is a bug in Finetooth. To see where it happened, set FINETOOTH_DEBUG=1 and run the same command again. "
        "CONTRIBUTING.md says how to report it.\n"
    )


@pytest.mark.parametrize("value, shown", [("1", True), ("0", False), ("", False)])
def test_debug_adds_the_traceback(value, shown, capsys, monkeypatch):
    monkeypatch.setenv("FINETOOTH_DEBUG", value)
    exit_code(raising(DataError("it is so.")))
    assert ("Traceback (most recent call last)" in capsys.readouterr().err) is shown


def command(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-c", "from finetooth.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        **more,
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["runn"], "Error: No such command 'runn'. Did you mean 'run'?"),
        (["run"], "Error: Missing argument 'RECIPE|DATA'."),
        (["run", "x.yaml", "--jsn"], "Error: No such option '--jsn'. (Did you mean one of: '--json', '--set'?)"),
        (["run", "nowhere.yaml"], "finetooth: nowhere.yaml: no such recipe."),
    ],
)
def test_usage_is_2(arguments, message):
    run = command(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.rstrip().splitlines()[-1] == message


def test_a_reader_that_goes_away_ends_the_command_quietly():
    read, write = os.pipe()
    os.close(read)
    run = subprocess.run(
        [sys.executable, "-c", "from finetooth.cli import main; main()", "recipe", "schema"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert (run.returncode, run.stderr) == (141, "")


def test_output_survives_an_ascii_terminal(finished_run):
    run = command("show", str(finished_run), env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "error, code, number, fact",
    [
        (DataError("a.csv row 2: label '\x1b[2J' is unknown."), "data_invalid", 1, "a.csv row 2: label '\x1b[2J'"),
        (LockedError("it is so."), "run_locked", 1, "it is so."),
        (Interrupted("it is so.", signal_number=signal.SIGTERM), "interrupted", 143, "it is so."),
        (click.Abort(), "interrupted", 130, "interrupted."),
        (click.UsageError("No such option: --nope"), "usage", 2, "No such option: --nope"),
        (OSError(errno.ENOSPC, "No space left on device", "runs/x"), "system", 1, "No space left on device: runs/x"),
        (ZeroDivisionError("oh"), "internal", 70, "unexpected ZeroDivisionError: oh"),
    ],
)
def test_with_json_an_error_is_an_object_with_its_code_on_stdout_and_the_message_on_stderr(
    error, code, number, fact, capsys
):
    assert exit_code(raising(error), as_json=True) == number
    out, err = capsys.readouterr()
    (shown,) = json.loads(out).items()
    assert shown[0] == "error" and sorted(shown[1]) == ["code", "exit_code", "message"]
    assert (shown[1]["code"], shown[1]["exit_code"]) == (code, number)
    assert fact in shown[1]["message"] and "\x1b" not in out
    assert err and "\x1b" not in err


def test_with_json_what_ends_well_says_nothing_of_errors(capsys):
    assert exit_code(lambda: 3, as_json=True) == 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "words, printed",
    [
        (["show", "nowhere", "--json"], True),
        (["show", "nowhere"], False),
        (["predict", "--with", "nowhere", "--", "--json"], False),
        (["show", "--json", "--nope"], True),
    ],
)
def test_the_command_line_prints_errors_as_json_where_it_is_asked_for_json(
    words, printed, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(words)
    out, err = capsys.readouterr()
    assert caught.value.code in (1, 2) and err
    assert bool(out) == printed
    if printed:
        assert json.loads(out)["error"]["exit_code"] == caught.value.code
