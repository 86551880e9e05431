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
    "terminal, no_color, term, wanted",
    [(True, "", "xterm", True), (True, "1", "xterm", False), (True, "", "dumb", False), (False, "", "xterm", False)],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, terminal, no_color, term, wanted):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", term)
    assert output.colour_wanted() is wanted
