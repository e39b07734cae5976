"""Fixtures: headless Chromium, which can reach only this machine."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)

# Long, so that a busy machine does not fail a test.
TIMEOUT_MS = 60_000

ColorScheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Tab:
    """A page, and the errors of its console, scripts and requests."""

    page: Page
    errors: list[str] = field(default_factory=list)


OpenTab = Callable[..., Tab]


def note_errors(tab: Tab) -> None:
    """Record the errors of the page in `tab.errors` from now on."""

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            tab.errors.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_request_failed(request: Request) -> None:
        # A page that navigates away aborts its requests, which is no error.
        if request.failure != "net::ERR_ABORTED":
            tab.errors.append(f"request: {request.url} {request.failure}")

    tab.page.on("console", on_console)
    tab.page.on("pageerror", lambda error: tab.errors.append(f"uncaught: {error}"))
    tab.page.on("requestfailed", on_request_failed)


def wait_for_script(page: Page, script: str, arg: object = None) -> None:
    """Wait until a JavaScript expression, or a function of `arg`, returns a true value.

    Playwright's own method evaluates text in the page, which the app's security policy forbids.
    """
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not page.evaluate(script, arg):
        assert time.monotonic() < deadline, f"never true: {script}"
        page.wait_for_timeout(50)


def find_chromium() -> str:
    for program in PROGRAMS:
        if path := shutil.which(program):
            return path
    pytest.fail(
        "no Chromium found: `make test` installs it on Debian and Ubuntu; elsewhere install "
        f"one of {', '.join(PROGRAMS)} and put it on PATH",
        pytrace=False,
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser, started once per test file.

    While it runs, this thread has an event loop and cannot start another. It must be closed before
    the tests of another file run Dagster in process.
    """
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def open_tab(chromium: Browser) -> Iterator[OpenTab]:
    """Open tabs without cookies or cache, which are closed after the test.

    `open_tab(url, width=1440, height=900, color_scheme="light")` returns a `Tab` at that address,
    in UTC and English. `is_phone` is a touch screen of 390 x 844 pixels. A test ends with
    `assert tab.errors == []`.
    """
    with ExitStack() as after:

        def open_tab(
            url: str,
            *,
            width: int = 1440,
            height: int = 900,
            color_scheme: ColorScheme = "light",
            timezone_id: str = "UTC",
            is_phone: bool = False,
        ) -> Tab:
            context = chromium.new_context(
                viewport={"width": 390, "height": 844}
                if is_phone
                else {"width": width, "height": height},
                has_touch=is_phone,
                is_mobile=is_phone,
                color_scheme=color_scheme,
                locale="en-GB",
                timezone_id=timezone_id,
                accept_downloads=True,
            )
            context.set_default_timeout(TIMEOUT_MS)
            after.callback(context.close)
            tab = Tab(context.new_page())
            note_errors(tab)
            tab.page.goto(url)
            return tab

        yield open_tab
