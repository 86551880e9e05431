"""A run as Python and notebooks see it."""

import html
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import finetooth
from finetooth.cli.app import finetooth as command
from finetooth.errors import RunError
from finetooth.files import read_json, write_json
from finetooth.runs import complete
from finetooth.runs.layout import RunFolder
from finetooth.runs.results import contract


def words(markup: str) -> str:
    """The text of a piece of HTML."""
    without_style = re.sub(r"<style>.*?</style>", "", markup, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", without_style)).split())


def test_a_run_has_results_table_verdict_winner_and_report(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished_run.parent.parent)
    run = finetooth.open_run("runs/reviews")
    assert run.folder == finished_run
    assert run.results == contract(finished_run)
    assert run.verdict == "Worth it: lora-r8 beats the best baseline (tfidf) by 8.0 points (2.1 to 13.9)."
    assert run.winner == run.results["rows"][1]
    assert run.winner is not None and run.winner["test"]["accuracy"] == 0.83
    assert run.report == finished_run / "report.html"
    assert not run.failed
    shown = CliRunner().invoke(command, ["show", "runs/reviews"])
    assert (shown.exit_code, f"{run.table}\n") == (0, shown.stdout)
    assert repr(run) == str(run) == "<finetooth.Run runs/reviews: lora-r8, accuracy 83.0 % on 200 test rows>"
    assert repr(run.table) == str(run.table)


def test_a_notebook_shows_table_and_verdict(finished_run: Path) -> None:
    run = finetooth.open_run(finished_run)
    shown = words(run._repr_html_())
    for part in (
        run.verdict, "lora-r8 * 1,080 83.0 % 77.0 to 88.0 +8.0 p = 0.010 12 s",
        "800 training rows, 200 test rows (opened once on this machine; none of its rows before)",
        "Best baseline: tfidf.", "owner/name",
    ):  # fmt: skip
        assert part in shown
    assert run._repr_html_() == run.table._repr_html_()
    assert "Report" not in shown  # there is none in this folder


def test_names_cannot_become_markup(finished_run: Path) -> None:
    folder = RunFolder(finished_run)
    hostile = "<img src=x onerror=alert(1)>\u202e&amp;"
    results, comparison = read_json(folder.results), read_json(folder.comparison)
    results["run"] = results["rows"][1]["name"] = results["winner"]["name"] = hostile
    results["rows"][1]["warnings"] = [hostile]
    comparison["rows"][1]["name"] = hostile
    comparison["verdict"] |= {"headline": f"Worth it: {hostile}.", "text": f"Worth it: {hostile}."}
    write_json(folder.results, results)
    write_json(folder.comparison, comparison)
    complete.write_mark(folder, run_id="r")
    markup = finetooth.open_run(finished_run)._repr_html_()
    assert "<img" not in markup and markup.count("&lt;img src=x") >= 3


def test_a_run_without_a_winner_and_one_that_is_gone_still_have_a_line(finished_run: Path) -> None:
    folder = RunFolder(finished_run)
    write_json(folder.results, read_json(folder.results) | {"winner": None})
    complete.write_mark(folder, run_id="r")
    run = finetooth.open_run(finished_run)
    assert run.winner is None and repr(run).endswith("reviews: no winner>")
    folder.results.unlink()
    assert repr(run).endswith("reviews: cannot be read>")


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_without_results_is_no_run(tmp_path: Path, made: bool) -> None:
    if made:
        (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="empty"):
        finetooth.open_run(tmp_path / "empty")
