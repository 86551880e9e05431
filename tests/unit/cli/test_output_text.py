import json

import pytest

from finetooth.cli import output


@pytest.mark.parametrize(
    "text, columns, shown",
    [
        ("short", 10, "short"),
        ("two\n lines\tand  tabs", 40, "two lines and tabs"),
        ("exactly ten", 11, "exactly ten"),
        ("one too many", 11, "one too..."),
        ("漢字漢字漢字", 12, "漢字漢字漢字"),
        ("漢字漢字漢字", 11, "漢字漢字..."),
        ("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301"),
        ("a\x00b\x9bc\u200ed", 20, "a\ufffdb\ufffdc\ufffdd"),
        ("", 5, ""),
    ],
)
def test_one_line_fits_its_columns_and_moves_nothing(text, columns, shown):
    assert output.one_line(text, columns) == shown
    assert output.columns_of(shown) <= columns


@pytest.mark.parametrize(
    "terminal, no_color, term, expected",
    [(True, "", "xterm", True), (True, "1", "xterm", False), (True, "", "dumb", False), (False, "", "xterm", False)],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, terminal, no_color, term, expected):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", term)
    assert output.colour_wanted() is expected


@pytest.mark.parametrize(
    "text, shown",
    [
        ("two\nlines\tof 1", "two\nlines\tof 1"),
        ("a\x1b[2Jb\x07\u202ec\rd\xa0e", "a\ufffd[2Jb\ufffd\ufffdc d e"),
        ("\x1b[36mrow\x1b[0m", "\ufffd[36mrow\ufffd[0m"),
    ],
)
def test_what_is_said_is_harmless_to_a_terminal(capsys, text, shown):
    output.emit(text)
    output.tell(text)
    output.next_command(text)
    assert capsys.readouterr() == (f"{shown}\n", f"finetooth: {shown}\n\nNext    {shown}\n")


def test_of_an_endless_line_of_an_error_both_ends_are_shown(capsys):
    output.tell("a.csv: no column 'x'. Its columns: " + "s" * 400_000 + ".\nName it.")
    shown = capsys.readouterr().err
    assert shown.startswith("finetooth: a.csv: no column 'x'. Its columns: sss")
    assert shown.endswith("s.\nName it.\n")
    assert " [396,036 characters left out] " in shown
    assert len(shown) < 4_100


def test_the_colours_of_a_table_stay_on_a_terminal_and_nothing_else_does(monkeypatch):
    monkeypatch.setattr(output, "colour_wanted", lambda: True)
    assert output.harmless("a\x1b[2J \x1b[36mrow\x1b[0m\n") == "a\ufffd[2J \x1b[36mrow\x1b[0m\n"


def test_rows_for_a_program_are_exact_but_not_on_a_terminal(capsys, monkeypatch):
    output.emit("a\x1bb", exact=True)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output.emit("a\x1bb", exact=True)
    assert capsys.readouterr().out == "a\x1bb\na\ufffdb\n"


def test_json_is_harmless_and_read_back_exactly(capsys):
    value = {"label": "a\x1b\x9b\u202e\U000e0001é\xa0"}
    output.emit_json(value)
    shown = capsys.readouterr().out
    assert json.loads(shown) == value
    assert shown.replace("\n", "").isprintable() and "é" in shown
