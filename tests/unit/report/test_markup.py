import pytest
from hostile import TEXTS
from markup_read import read

from finetooth.report.markup import Safe, join, shown, table, tag


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_and_an_attribute_are_read_back_as_they_were_put_in(text):
    page = read(tag("p", text, title=text).text)
    wanted = "".join("\ufffd" if mark in "\x00\x07\x1b\x7f\x85" else mark for mark in text)
    assert page.shape == [("p", ("title",))]
    assert page.elements[0].text == wanted == page.elements[0].attributes["title"]


def test_only_what_the_module_made_passes_unescaped():
    assert join("<b>", Safe("<i>"), None).text == "&lt;b&gt;<i>"
    assert tag("td", "a", None, class_="n", for_="x", aria_label="y", hidden=True, title=None).text == (
        '<td class="n" for="x" aria-label="y" hidden>a</td>'
    )


@pytest.mark.parametrize(
    "attributes",
    [
        {"onclick": "x"}, {"style": "color: red"}, {"href": "https://example.org"}, {"href": "javascript:x"},
        {"src": "//example.org"}, {"href": "data:text/html,x"}, {"a b": "x"}, {"x=y": "x"},
    ],
)  # fmt: skip
def test_attributes_that_act_or_fetch_are_refused(attributes):
    with pytest.raises(AssertionError):
        tag("a", **attributes)


def test_an_element_name_from_data_is_refused():
    with pytest.raises(AssertionError):
        tag("b><script")


@pytest.mark.parametrize(
    "name, most, line",
    [
        ("plain", 80, "plain"),
        ("two\nlines\tand\u2028more", 80, "two lines and more"),
        ("\u202eesrever", 80, "\ufffdesrever"),
        ("zero\u200bwidth", 80, "zero\ufffdwidth"),
        ("👩\u200d👧", 80, "👩\u200d👧"),
        ("x" * 100, 10, "xxxxxxxxx…"),
        ("half \ud800", 80, "half \ufffd"),
    ],
)
def test_a_name_is_one_line_that_turns_nothing_around_it(name, most, line):
    assert shown(name, most) == line


def test_a_table_heads_its_columns_and_rows_and_can_be_scrolled_with_the_keyboard():
    page = read(table(["row", "n"], [["a", "1"], ["b", "2"]], caption="Counts", marked=1).text)
    assert [element.attributes.get("scope") for element in page.all("th")] == ["col", "col", "row", "row"]
    assert page.one("div", tabindex="0", role="region").attributes["aria-label"] == page.one("caption").text == "Counts"
    assert [element.attributes.get("class") for element in page.all("tr")] == [None, None, "marked"]
