"""The page in a real browser: it asks for nothing, complains of nothing, runs nothing of what it shows, and works."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser import open_tab, program
from hostile import TEXTS
from markup_read import read

from finetooth.runs import predictions

CHROMIUM = program()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with open_tab(CHROMIUM, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["plain_report", "hostile_report"])
def test_no_complaint_no_request_and_no_scrolling_sideways(tab, request, name, width, dark):
    address = request.getfixturevalue(name).report.as_uri()
    tab.load(address, width=width, dark=dark)
    assert tab.complaints == []
    assert tab.requests == [address]
    assert tab.value("document.documentElement.scrollWidth") <= width
    assert tab.value("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    assert tab.value("document.querySelectorAll('#found > li').length") == 20


def test_hostile_texts_are_shown_and_never_run(tab, hostile_report):
    tab.load(hostile_report.report.as_uri(), width=1280)
    tab.value("while (!document.getElementById('more').hidden) document.getElementById('more').click()")
    shown = set()
    for kind in range(4):
        tab.value(
            f"kind.selectedIndex = {kind}; kind.dispatchEvent(new Event('change')); "
            "while (!more.hidden) more.click(); undefined"
        )
        shown |= set(tab.value("[...document.querySelectorAll('.passage')].map(part => part.firstChild.data)"))
    assert shown == {text[:2_000] for text in TEXTS}
    assert tab.value("document.title") == "reviews: Finetooth report"
    assert tab.complaints == [] and len(tab.requests) == 1
    template = {element.name for element in read(hostile_report.report.read_text()).elements}
    made = {"li", "p", "dl", "dt", "dd", "bdi", "span", "option", "mark"}
    names = "[...new Set([...document.querySelectorAll('*')].map(one => one.localName))]"
    assert set(tab.value(names)) <= template | made


def test_rows_are_found_with_the_keyboard_alone(tab, plain_report):
    tab.load(plain_report.report.as_uri(), width=768)
    expected = counts(plain_report)
    assert status(tab) == f"20 of {expected['gained']} matching rows are shown."
    for _ in range(200):
        tab.press("Tab", 9)
        if tab.value("document.activeElement.id") == "kind":
            break
    assert tab.value("document.activeElement.matches(':focus-visible')")
    tab.press("ArrowDown", 40)
    assert tab.value("kind.value") == "lost:0"
    assert status(tab) == f"{min(20, expected['lost'])} of {expected['lost']} matching rows are shown."
    tab.press("Tab", 9)
    assert tab.value("document.activeElement.id") == "search"
    identity = tab.value("document.querySelector('#found .origin').textContent")
    tab.call("Input.insertText", text=identity.upper())
    assert tab.value("[...document.querySelectorAll('#found .origin')].map(one => one.textContent)")[0] == identity
    tab.call("Input.insertText", text=" nowhere")
    assert status(tab) == "No row matches: widen the search or the filters."


def test_more_rows_come_on_demand_and_the_first_of_them_has_the_focus(tab, plain_report):
    tab.load(plain_report.report.as_uri(), width=360)
    tab.value("more.focus()")
    tab.press("Enter", 13)
    expected = counts(plain_report)["gained"]
    assert status(tab) == f"{min(40, expected)} of {expected} matching rows are shown."
    assert tab.value("[...found.children].indexOf(document.activeElement)") == 20


def test_what_is_searched_is_marked(tab, plain_report):
    tab.load(plain_report.report.as_uri(), width=1280)
    tab.value("search.focus()")
    tab.call("Input.insertText", text="SLOW and")
    assert set(tab.value("[...document.querySelectorAll('mark')].map(one => one.textContent)")) == {"slow and"}


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("classes", [6, 77])
def test_confusions_can_be_read_whole(tab, class_reports, classes, width):
    """No column is out of sight at the start; the matrix of many classes scrolls inside itself, its heads in view."""
    tab.load(class_reports[classes].report.as_uri(), width=width)
    tab.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert tab.value("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('#answers figure > .wide')]"
    assert tab.value(f"{wide}.length") >= 2
    assert tab.value(f"{wide}.map(one => one.scrollWidth - one.clientWidth)") == [0] * tab.value(f"{wide}.length")
    matrix = "document.querySelector('.whole')"
    if classes == 6:
        assert tab.value(f"{matrix} === null")
        return
    assert tab.value(f"{matrix}.scrollWidth > {matrix}.clientWidth && {matrix}.scrollHeight > {matrix}.clientHeight")
    tab.value(f"{matrix}.scrollIntoView(); {matrix}.scrollTo(900, 900)")
    corner = f"(one => [one.left, one.top])({matrix}.getBoundingClientRect())"
    head = f"(one => one.top)({matrix}.querySelector('thead th').getBoundingClientRect())"
    name = f"(one => one.left)({matrix}.querySelector('tbody tr:last-child th').getBoundingClientRect())"
    assert [tab.value(name), tab.value(head)] == pytest.approx(tab.value(corner), abs=1)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_first_column_of_a_wide_table_stays_in_sight_and_nothing_shows_through_it(tab, class_reports, dark):
    tab.load(class_reports[6].report.as_uri(), width=360, dark=dark)
    tab.value("document.querySelector('#rows .wide').scrollTo(200, 0)")
    cell = "document.querySelector('#rows .wide tr.marked th')"
    box = "document.querySelector('#rows .wide').getBoundingClientRect().left"
    assert tab.value(f"{cell}.getBoundingClientRect().left") == pytest.approx(tab.value(box), abs=1)
    assert "rgba" not in tab.value(f"getComputedStyle({cell}).backgroundColor")


def test_it_prints(tab, plain_report):
    tab.load(plain_report.report.as_uri(), width=1280)
    printed = base64.b64decode(tab.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF") and len(printed) > 50_000


def test_served_over_http_it_asks_its_server_for_itself_alone(tab, plain_report):
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(plain_report.report.read_bytes())

        def log_message(self, *_):
            pass

    # The browser opens a connection more than it uses, so the server must not wait for one after the other.
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab.load(f"http://127.0.0.1:{server.server_port}/report.html", width=1280)
        server.shutdown()
    assert requests == ["/report.html"] and tab.complaints == []


def counts(folder):
    right = []
    for name, seed in (("lora-r8", 0), ("tfidf", None)):
        predicted = predictions.read(folder.row(name, seed).predictions)["test"]
        right.append(predicted.logits.argmax(axis=1) == predicted.labels)
    return {"gained": int((right[0] & ~right[1]).sum()), "lost": int((right[1] & ~right[0]).sum())}


def status(tab):
    return tab.value("document.getElementById('status').textContent")
