"""The browser of the app's tests records errors and calls no other machine."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from crypto_assets_tests.services.chromium import OpenTab

SCHEME = "matchMedia('(prefers-color-scheme: dark)').matches"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server with two pages: one without errors, one with errors."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "good.html").write_text("<link rel=icon href=data:,><h1>Candles</h1>")
    (folder / "bad.html").write_text(
        "<link rel=icon href=data:,><script>console.error('first'); throw Error('second')</script>"
        "<img src=missing.png><script src=https://example.com/third.js></script>"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_without_errors(site: str, open_tab: OpenTab) -> None:
    tab = open_tab(f"{site}/good.html")
    assert tab.page.locator("h1").inner_text() == "Candles"
    assert tab.errors == []


def test_width_and_color_scheme_are_set_by_the_test(site: str, open_tab: OpenTab) -> None:
    wide = open_tab(f"{site}/good.html")
    narrow = open_tab(f"{site}/good.html", width=390, height=844, color_scheme="dark")
    assert (wide.page.evaluate("innerWidth"), wide.page.evaluate(SCHEME)) == (1440, False)
    assert (narrow.page.evaluate("innerWidth"), narrow.page.evaluate(SCHEME)) == (390, True)


@pytest.mark.parametrize("complaint", ["first", "second", "404", "example.com/third.js"])
def test_every_kind_of_error_is_recorded(site: str, open_tab: OpenTab, complaint: str) -> None:
    tab = open_tab(f"{site}/bad.html")
    assert any(complaint in error for error in tab.errors), tab.errors


def test_nothing_outside_this_machine_is_reached(site: str, open_tab: OpenTab) -> None:
    tab = open_tab(f"{site}/bad.html")
    assert any("ERR_NAME_NOT_RESOLVED" in error for error in tab.errors), tab.errors
