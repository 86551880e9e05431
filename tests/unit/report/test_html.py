import pytest
from hostile import TEXTS
from jinja2 import UndefinedError
from markup_read import read

from finetooth.report.columns import Cell
from finetooth.report.html import rendered
from finetooth.report.plots import Table

RUN = {"name": "r", "headline": "", "more": ""}


def notebook(**values):
    table = Table(
        columns=["row", "n"], rows=[[Cell("a"), Cell("1")], [Cell("b"), Cell("-2")]], caption="Counts", marked=1
    )
    plain = {
        "run": RUN, "model": "", "cost": "", "style": "", "table": table, "notes": [], "warnings": [], "report": None,
    }  # fmt: skip
    return read(rendered("notebook.html", **plain | values))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_and_an_attribute_are_read_back_as_they_were_put_in(text):
    table = Table(columns=["row"], rows=[[Cell("a")]], caption=text)
    page = notebook(table=table, warnings=[text])
    expected = "".join("\ufffd" if mark in "\x00\x07\x1b\x7f\x85" else mark for mark in text)
    assert page.one("p", **{"class": "warning"}).text.replace("\xa0", " ") == expected
    assert page.one("div", role="region").attributes["aria-label"] == page.one("caption").text == expected
    assert page.shape == notebook(table=Table(columns=["row"], rows=[[Cell("a")]], caption="x"), warnings=["x"]).shape


def test_a_name_that_a_template_does_not_get_is_an_error():
    with pytest.raises(UndefinedError):
        rendered("notebook.html", run=RUN)


def test_a_table_heads_its_columns_and_rows_and_can_be_scrolled_with_the_keyboard():
    page = notebook()
    assert [element.attributes.get("scope") for element in page.all("th")] == ["col", "col", "row", "row"]
    assert page.one("div", tabindex="0", role="region").attributes["aria-label"] == page.one("caption").text == "Counts"
    assert [element.attributes.get("class") for element in page.all("tr")] == [None, None, "marked"]


def test_figures_have_the_sign_of_a_minus():
    assert [cell.text for cell in notebook().all("td")] == ["1", "\N{MINUS SIGN}2"]
