# SPDX-License-Identifier: Apache-2.0
"""Every page in a real browser: no complaint in both colour schemes and at two widths, accessible, usable."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.harness.browser import Browser, Tab
from tests.harness.viewer_spans import CLIENT, MS, SECOND, SERVER, Request, checkout, new_id, orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.viewer_process import ViewerProcess

pytestmark = pytest.mark.browser
NOW = time.time_ns() - 20 * SECOND
PAGES = [
    "list",
    "found",
    "nothing",
    "orders",
    "checkout",
    "calls",
    "errors",
    "endpoints",
    "map",
    "compare",
    "choose",
    "gone",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with Browser() as started:
        yield started


@pytest.fixture(scope="module")
def paths(viewer: ViewerProcess) -> dict[str, str]:
    """Where each page is, once its traces are stored."""
    request = Request()
    found = [orders(request, NOW - i * 7 * SECOND, queries).hex() for i, queries in enumerate((21, 3, 34))]
    checked = [checkout(request, NOW - i * 11 * SECOND, fails).hex() for i, fails in enumerate((True, False, False))]
    for i in range(9):
        fields = {"http.route": "/", "http.response.status_code": 404 if i == 4 else 200}
        request.span("GET /", kind=SERVER, start=NOW - i * 5 * SECOND, ms=5 + i, attributes=fields)
    viewer.send(request.bytes())
    return {
        "list": "/",
        "found": "/?q=status%3Aerror",
        "nothing": "/?q=service%3Anobody",
        "orders": f"/trace/{found[0]}",
        "checkout": f"/trace/{checked[0]}",
        "calls": f"/trace/{found[0]}",
        "errors": "/errors",
        "endpoints": "/endpoints",
        "map": "/map",
        "compare": f"/compare?a={found[0]}&b={found[1]}",
        "choose": f"/compare?a={found[0]}",
        "gone": f"/trace/{'1' * 32}",
    }


@pytest.fixture
def tab(browser: Browser, viewer: ViewerProcess, paths: dict[str, str]) -> Iterator[Tab]:
    """A tab that has been let in."""
    opened = browser.open(viewer)
    yield opened
    opened.close()


@pytest.mark.parametrize("width", [1360, 400])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page(browser: Browser, viewer: ViewerProcess, paths: dict[str, str], dark: bool, width: int) -> None:
    """No axe violation, no complaint, no request to elsewhere, nothing wider than the window; a picture is kept."""
    tab = browser.open(viewer, dark=dark, width=width)
    for name in PAGES:
        tab.go(paths[name])
        if name == "calls":
            tab.page.click("#to-calls")
        if name in ("orders", "checkout") and width > 1000:
            tab.press("j", "Enter")
            tab.wait("document.querySelector('.details .attributes') !== null")
        assert [] == tab.accessibility_problems(), name
        assert tab.ask("document.documentElement.scrollWidth <= window.innerWidth"), name
        tab.picture(f"{name}-{'dark' if dark else 'light'}-{width}")
        if name == "gone":  # the browser tells of every 404 itself
            tab.complaints = [text for text in tab.complaints if "404" not in text]
    assert [] == tab.complaints
    assert [] == tab.elsewhere
    tab.close()


def test_the_list_says_what_matters(tab: Tab) -> None:
    """Name, service, marks, duration; a search narrows it and is in the address."""
    tab.go("/")
    first = tab.text(".traces li:has-text('/orders/')")
    assert "N+1 \u00d721" in first
    tab.press("/")
    tab.page.keyboard.type("service:stock")
    tab.press("Enter")
    tab.wait("location.search.includes('stock')")
    tab.wait("document.querySelectorAll('.traces li').length === 3")
    tab.page.go_back()
    tab.wait("document.querySelectorAll('.traces li').length > 10")


def test_the_list_by_keyboard(tab: Tab) -> None:
    """j and k move, Enter opens, ? shows the keys, Escape closes them."""
    tab.go("/")
    tab.wait("document.querySelectorAll('.traces li').length > 3")
    tab.press("j", "j", "k", "j")
    assert 1 == tab.ask("[...document.querySelectorAll('.traces li > a')].indexOf(document.activeElement)")
    tab.press("?")
    assert tab.ask("document.querySelector('dialog').open")
    assert "Next trace" in tab.text("dialog")
    tab.press("Escape")
    assert not tab.ask("document.querySelector('dialog').open")
    tab.page.focus(".traces li > a")
    tab.press("Enter")
    tab.wait("location.pathname.startsWith('/trace/')")


def test_new_traces_appear(tab: Tab, viewer: ViewerProcess) -> None:
    """Live: without a reload, and not while paused."""
    tab.go("/?q=service%3Alive")
    request = Request()
    request.span("first", service="live")
    viewer.send(request.bytes())
    tab.wait("document.querySelectorAll('.traces li:not(.empty)').length === 1")
    tab.press(".")
    assert "Paused" == tab.text("button.live")
    more = Request()
    more.span("second", service="live")
    viewer.send(more.bytes())
    tab.page.wait_for_timeout(700)
    assert 1 == tab.ask("document.querySelectorAll('.traces li:not(.empty)').length")
    tab.press(".")
    tab.wait("document.querySelectorAll('.traces li:not(.empty)').length === 2")


def test_a_finding_leads_to_its_spans(tab: Tab, paths: dict[str, str]) -> None:
    """Count, line of code and share are told; Show marks all 21 and selects the first."""
    tab.go(paths["orders"])
    card = tab.text(".finding.bad")
    assert "ran 21 times" in card
    assert "shop/models.py:88" in card
    tab.page.click(".finding.bad button:has-text('Show')")
    tab.wait("document.querySelector('.wf-row.selected') !== null")
    assert "SELECT shop_item" in tab.text(".wf-row.selected .title")
    assert tab.ask("document.querySelectorAll('.wf-row.marked').length") >= 10
    tab.press("n")
    tab.wait("document.querySelectorAll('.details .sql').length > 0")
    assert "FROM shop_item" in tab.text(".details .sql").replace('"', "")


def test_the_waterfall_by_keyboard(tab: Tab, paths: dict[str, str]) -> None:
    """A treegrid: arrows move, open and close; ids, levels and positions are told."""
    tab.go(paths["orders"])
    tab.page.focus("[role=treegrid]")
    current = "document.getElementById(document.querySelector('[role=treegrid]').getAttribute('aria-activedescendant'))"
    assert "1" == tab.ask(f"{current}.getAttribute('aria-level')")
    tab.press("ArrowDown")
    assert ["2", "true", "3"] == tab.ask(
        f"['aria-level', 'aria-expanded', 'aria-rowindex'].map((name) => {current}.getAttribute(name))"
    )
    tab.press("ArrowLeft")
    assert "false" == tab.ask(f"{current}.getAttribute('aria-expanded')")
    assert "3" == tab.ask("document.querySelector('[role=treegrid]').getAttribute('aria-rowcount')")
    tab.press("ArrowRight", "End")
    assert "render orders/list.html" in tab.ask(f"{current}.textContent")
    tab.press("Home", "Enter")
    tab.wait("document.activeElement.classList.contains('details')")
    tab.press("Escape")
    assert tab.ask("document.querySelector('.details').hidden")
    tab.press("c")
    assert tab.ask("location.search.includes('span=')")


def test_an_error_and_its_frames(tab: Tab, paths: dict[str, str]) -> None:
    """e goes to the next error; the app's frames stand out, with their code; the address can be shared."""
    tab.go(paths["checkout"])
    tab.press("e", "Enter")
    tab.wait("document.querySelector('.exception') !== null")
    assert "card declined for order 4711" in tab.text(".exception")
    assert "raise PaymentDeclined(order.total)" in tab.text(".frames .own >> nth=-1")
    address = tab.ask("location.pathname + location.search")
    tab.go(address)
    tab.wait("document.querySelector('.exception') !== null")


def test_find_in_a_trace(tab: Tab, paths: dict[str, str]) -> None:
    """Matches are marked; Enter goes from one to the next."""
    tab.go(paths["orders"])
    tab.press("/")
    tab.page.keyboard.type("render")
    tab.wait("document.querySelectorAll('.wf-row.marked').length <= 1")
    tab.press("Enter")
    assert "render orders/list.html" in tab.text(".wf-row.selected .title")


def test_zoom(tab: Tab, paths: dict[str, str]) -> None:
    """z fits the selected span into the window, Escape shows the whole time."""
    tab.go(paths["orders"])
    tab.page.focus("[role=treegrid]")
    tab.press("End")
    bar = "document.querySelector('.wf-row.selected .bar')"
    width = f"{bar}.getBoundingClientRect().width / {bar}.parentElement.getBoundingClientRect().width"
    before = tab.ask(width)
    tab.press("z")
    assert tab.ask(width) > 5 * before
    tab.press("Escape", "Escape")
    assert abs(tab.ask(width) - before) < 0.01


def test_copying(tab: Tab, paths: dict[str, str]) -> None:
    """The statement, as it was sent, and EXPLAIN in front of it."""
    tab.go(paths["orders"])
    tab.page.click(".finding.bad button:has-text('Show')")
    tab.press("Enter")
    tab.wait("document.querySelector('.details .sql') !== null")
    tab.page.click(".details button:has-text('Copy EXPLAIN')")
    copied = tab.ask("navigator.clipboard.readText()")
    assert 'EXPLAIN SELECT "id", "name", "price" FROM "shop_item" WHERE "order_id" = %s' == copied


def test_calls_by_statement(tab: Tab, paths: dict[str, str]) -> None:
    """Statement, count, total; sortable; a click leads to the slowest one."""
    tab.go(paths["orders"])
    tab.page.click("#to-calls")
    assert "21" in tab.text("#tab-calls tbody tr >> nth=0")
    tab.page.click("#tab-calls th button:has-text('Count')")
    assert "descending" == tab.ask("document.querySelectorAll('#tab-calls th')[1].getAttribute('aria-sort')")
    tab.page.click("#tab-calls .statement >> nth=0")
    tab.wait("!document.querySelector('#tab-time').hidden")
    assert "SELECT shop_item" in tab.text(".wf-row.selected .title")


def test_compare(tab: Tab, paths: dict[str, str]) -> None:
    """What became less is told per statement."""
    tab.go(paths["compare"])
    row = tab.text("tr:has-text('shop_item')")
    assert "(\u00d721)" in row
    assert "(\u00d73)" in row
    assert "shorter" in tab.text(".change")


def test_map_and_errors_and_endpoints(tab: Tab, paths: dict[str, str]) -> None:
    """Services, what they use, kinds of errors with their place, percentiles."""
    tab.go("/map")
    drawn = tab.ask("document.querySelector('main svg').textContent")
    for name in ("shop", "stock", "payments", "mailer", "postgresql shop", "rates.example.com"):
        assert name in drawn
    tab.go("/errors")
    assert "shop/payments.py:41" in tab.text(".errors")
    tab.page.click(".errors h2 a:has-text('PaymentDeclined')")
    tab.wait("location.pathname.startsWith('/trace/') && document.querySelector('.exception') !== null")
    tab.go("/endpoints")
    assert "POST /checkout/" in tab.text("main table")


def test_the_theme_is_kept(tab: Tab) -> None:
    """Chosen by hand, over the system's, over reloads."""
    tab.go("/")
    tab.page.click("#theme")
    tab.page.click("#theme")
    assert "dark" == tab.ask("document.documentElement.dataset.theme")
    tab.go("/errors")
    assert "dark" == tab.ask("document.documentElement.dataset.theme")


def test_who_was_not_let_in_is_told_how(browser: Browser, viewer: ViewerProcess) -> None:
    """The shell is shown to everybody, data to nobody; the page says which command helps."""
    tab = browser.open(viewer, let_in=False)
    tab.go("/")
    tab.wait("document.body.innerText.includes('otel-distro ui open')")
    assert [] == tab.elsewhere
    tab.close()


def test_an_empty_store_tells_what_to_do(browser: Browser, fresh_viewer: ViewerProcess) -> None:
    """The command that makes the first trace; every page has something to say."""
    tab = browser.open(fresh_viewer)
    tab.wait("document.body.innerText.includes('otel-distro-run python manage.py runserver')")
    assert [] == tab.accessibility_problems()
    tab.picture("empty-light-1360")
    for path in ("/errors", "/endpoints", "/map", "/compare"):
        tab.go(path)
        assert 1 == tab.ask("document.querySelectorAll('.empty').length")
    assert [] == tab.complaints
    tab.close()


def test_fifty_thousand_spans(browser: Browser, fresh_viewer: ViewerProcess) -> None:
    """Shown soon (500 ms on a quiet machine, data fetch and layout included), few elements, smooth to scroll."""
    trace_id, root = new_id(16), new_id(8)
    for part in range(10):
        request = Request()
        if part == 0:
            request.span("import", trace_id=trace_id, span_id=root, start=NOW, ms=60_000)
        for number in range(5_000 - (part == 0)):
            kind = (
                {"kind": CLIENT, "attributes": {"db.query.text": f"SELECT {number % 9} FROM t"}} if number % 3 else {}
            )
            request.span(f"step {number % 30}", trace_id=trace_id, parent=root, start=NOW + number * MS, ms=1, **kind)  # type: ignore[arg-type]
        fresh_viewer.send(request.bytes())
    tab = browser.open(fresh_viewer)
    times = []
    for _ in range(2):
        tab.go(f"/trace/{trace_id.hex()}")
        times.append(tab.ask("performance.getEntriesByName('trace-shown')[0].startTime"))
    nodes = tab.ask("document.querySelectorAll('*').length")
    frames = tab.ask("""(async () => {
        const grid = document.querySelector('.waterfall'), times = [];
        for (let i = 0; i < 60; i++) {
            const begun = performance.now();
            grid.scrollTop += i % 7 ? 400 : 60000;
            await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
            times.push(performance.now() - begun);
        }
        return times.sort((a, b) => a - b);
    })()""")
    tab.close()
    print(json.dumps({"shown_ms": times, "nodes": nodes, "frame_ms": {"p50": frames[30], "p95": frames[57]}}))

    assert nodes < 1_500
    assert min(times) < 2_000  # four times the goal: the machine may be busy
    assert frames[30] < 60
