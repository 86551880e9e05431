"""`finetooth judge`: the example of docs/judge.md, the JSON that this page describes, and the width of the text."""

import json
import re
from pathlib import Path

import pytest
from cli_calls import call

PAGE = (Path(__file__).parents[3] / "docs" / "judge.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of the page in the working directory; the arguments of its command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    for name, content in re.findall(r"^`(\S+\.csv)`.*?:\n\n```csv\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL):
        Path(name).write_text(content, encoding="utf-8")
    return re.findall(r"^finetooth (judge .*)$", PAGE, re.MULTILINE)[0].split()


def test_the_command_of_the_page_prints_what_the_page_shows(
    example: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = call(capsys, *example)
    assert (code, err) == (0, "")
    assert out == re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[0]


def test_json_has_the_keys_that_the_page_names(example: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, *example, "--json")
    judgement = json.loads(out)
    counts = {"test_openings", "test_rows_seen", "test_runs_seen", "test_runs_later"}
    assert code == 0
    description = PAGE.partition("`--json` prints")[2]
    assert set(judgement) - counts == set(re.findall(r"`(\w+)`", description.partition("\n\n")[0]))
    keys = {
        key for line in re.findall(r"^\| (`.*?) \|", description, re.MULTILINE) for key in re.findall(r"`(\w+)`", line)
    }
    assert all(set(row) == keys for row in judgement["rows"])


def test_the_same_files_again_are_free_and_another_is_a_second_look(
    example: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = call(capsys, *example)
    assert call(capsys, *example) == first
    Path("other.csv").write_text("id,label\n1,bad\n2,bad\n3,bad\n4,bad\n", encoding="utf-8")
    code, out, _ = call(capsys, "judge", "other.csv", "--truth", "test.csv")
    assert code == 0
    assert "4 of these 4 rows were scored before, in 1 run on this machine." in out.replace("\n  ", " ")


def test_an_error_ends_with_1_and_a_missing_option_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "judge", "nowhere.csv", "--truth", "test.csv")
    assert (code, out) == (1, "")
    assert "nowhere.csv: no such file." in err
    assert call(capsys, "judge", "llm.csv")[0] == 2


def test_an_error_opens_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("part.csv").write_text("id,label\n1,bad\n", encoding="utf-8")
    assert call(capsys, "judge", "part.csv", "--truth", "test.csv")[0] == 1
    assert not list((tmp_path / "state").rglob("*.opening"))
