"""A page as an HTML parser sees it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Element:
    """One start tag, and the text that stands directly in it."""

    name: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Page:
    """Every start tag of a page in order, comments and declarations apart."""

    elements: list[Element] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def all(self, name: str, **attributes: str) -> list[Element]:
        """The elements of that name whose attributes are these."""
        named = [element for element in self.elements if element.name == name]
        return [element for element in named if all(element.attributes.get(k) == v for k, v in attributes.items())]

    def one(self, name: str, **attributes: str) -> Element:
        """The only such element."""
        (element,) = self.all(name, **attributes)
        return element

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """Name, and names of attributes, of every element."""
        return [(element.name, tuple(element.attributes)) for element in self.elements]


VOID = {"meta", "link", "br", "hr", "input", "col"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        assert len(element.attributes) == len(attrs), attrs
        self.page.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1].name == tag, f"</{tag}> closes nothing"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data

    def handle_comment(self, data: str) -> None:
        self.page.other.append(data)

    def handle_decl(self, decl: str) -> None:
        self.page.other.append(decl)

    def handle_pi(self, data: str) -> None:
        self.page.other.append(data)

    def unknown_decl(self, data: str) -> None:
        self.page.other.append(data)


def read(text: str) -> Page:
    """The page; an end tag that closes nothing, and an attribute given twice, fail."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert not reader._open
    return reader.page
