"""The command with streams that are closed or full, without a working directory, with arguments that are no text."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PLAIN = "from finetooth.cli import main; main()"
# predict, with a model that says a word on stderr before it answers
PREDICT = """
from finetooth.cli import inference_verbs, main, output

class Stub:
    def predictions(self, decided):
        return [{"label": "fresh"}]

def decided(*_, **__):
    output.tell("a note on the way")
    return Stub(), None

inference_verbs._decided = decided
main()
"""


def shell(folder: Path, words: str, *, code: str = PLAIN) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of `finetooth WORDS` in a shell, which may redirect."""
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} {words}"
    run = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout, run.stderr


def test_a_closed_stdout_is_refused_before_any_work(tmp_path: Path, finished_run: Path) -> None:
    message = "stdout is closed, so the result cannot be printed. Redirect it to a file or /dev/null."
    for words in (f"show {finished_run}", "recipe schema", "run nowhere.yaml"):
        assert shell(tmp_path, f"{words} >&-") == (1, "", f"finetooth: {message}\n")


def test_a_closed_stderr_or_stdin_costs_nothing(tmp_path: Path, finished_run: Path) -> None:
    table = shell(tmp_path, f"show {finished_run}")[1]
    assert table
    assert shell(tmp_path, f"show {finished_run} 2>&-") == (0, table, "")
    assert shell(tmp_path, f"show {finished_run} <&- 2>&-") == (0, table, "")
    code, out, err = shell(tmp_path, "predict --with x - <&-", code=PREDICT)
    assert (code, out, err) == (1, "", "finetooth: stdin: has no text to label.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_stderr_loses_no_result(tmp_path: Path) -> None:
    code, out, _ = shell(tmp_path, "predict --with x --json 'a film' 2>/dev/full", code=PREDICT)
    assert (code, json.loads(out or "null")) == (0, [{"label": "fresh"}])
    code, out, _ = shell(tmp_path, "recipe schema 2>/dev/full")
    assert (code, json.loads(out)["title"]) == (0, "Recipe")
    assert shell(tmp_path, "nonsense 2>/dev/full")[0] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_stdout_is_told_and_is_no_success(tmp_path: Path) -> None:
    code, _, err = shell(tmp_path, "recipe schema >/dev/full")
    assert code == 1
    assert err.startswith("finetooth: No space left on device.")


def test_a_working_directory_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = shlex.join([sys.executable, "-c", PLAIN, "predict", "--with", "x", "a film"])
    run = subprocess.run(["bash", "-c", f"rmdir {gone}; {command}"], cwd=gone, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        "finetooth: the working directory is gone or cannot be read (No such file or directory). "
        "Change to another (cd) and run the command again.\n"
    )


def test_an_argument_that_is_not_utf_8(tmp_path: Path) -> None:
    for words, position, shown in (
        (r"predict --with x $'caf\xe9 noir'", 4, r"caf\udce9 noir"),
        (r"predict --with x good --text-pair $'\xff'", 6, r"\udcff"),
        (r"run $'\xe9.yaml'", 2, r"\udce9.yaml"),
        (r"run a.yaml --set name=$'\xe9'", 4, r"name=\udce9"),
    ):
        assert shell(tmp_path, words) == (
            2,
            "",
            f"finetooth: argument {position} is not UTF-8 text: {shown}. Write it in UTF-8; put text in another "
            "encoding into a file (data.encoding).\n",
        )


def test_a_file_whose_name_is_not_utf_8_is_still_one(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.yaml")).write_text("name: mine\nmodel: a/b\ndata: {source: a.csv}\nrank: 1\n")
    code, _, err = shell(tmp_path, r"check $'caf\xe9.yaml'")
    assert code == 2
    assert "unknown key 'rank'" in err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_the_name_of_a_pipe_is_no_text(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ff")
    for words in ("ff", "ff good"):
        assert shell(tmp_path, f"predict --with x {words}", code=PREDICT) == (
            2, "", "finetooth: ff: is not a regular file. Give a file, or - and its texts on stdin, one a line.\n",
        )  # fmt: skip
    (tmp_path / "good").mkdir()
    assert shell(tmp_path, "predict --with x --json good", code=PREDICT)[0] == 0
