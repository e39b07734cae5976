"""The docs site builds in strict mode, every link has a target, and no page needs another host."""

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page as BrowserPage

from crypto_assets import errors
from crypto_assets.market_data import MarketData
from crypto_assets_tests.project import docs_site
from crypto_assets_tests.project.docs_site import (
    Page,
    adapt_links,
    find_faults,
    list_published_files,
    render_notebook,
    render_pages,
)
from crypto_assets_tests.project.repository import ROOT, text
from crypto_assets_tests.services.chromium import ColorScheme, OpenTab

PAGES = sorted(
    page.removesuffix("index.md").removesuffix(".md")
    for page in list_published_files().values()
    if page.endswith(".md")
)
_BRIGHTNESS = (
    "Math.max(...getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3))"
)
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("docs") / "site"
    assert docs_site.build_site(target) == []
    return target


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[broken](#two)", "anchor does not exist"),
        ("::: crypto_assets.market_data.Nothing", "could not be found"),
    ],
)
def test_a_fault_fails_the_build(
    content: str, complaint: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text(f"# One\n\n{content}\n")
    configuration = {"site_name": "test", "docs_dir": "pages", "plugins": ["mkdocstrings"]}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(configuration))
    with pytest.raises(subprocess.CalledProcessError):
        render_pages(tmp_path)
    assert complaint in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('<a href="../two/">', "index.html: ../two/ does not exist"),
        ('<a href="other/#none">', "index.html: other/#none has no such anchor"),
        ('<a href="#none">', "index.html: #none has no such anchor"),
        ('<img src="images/none.png">', "index.html: images/none.png does not exist"),
        (
            '<script src="//host.example/a.js"></script>',
            "index.html: loads //host.example/a.js from another host",
        ),
        (
            '<link rel="stylesheet" href="https://host.example/a.css">',
            "index.html: loads https://host.example/a.css from another host",
        ),
        ('<a href="https://host.example/">', None),
        ('<a href="other/#there">', None),
    ],
)
def test_the_check_of_the_built_site_finds_what_it_must(
    page: str, fault: str | None, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text('<h2 id="there">')
    (tmp_path / "index.html").write_text(page)
    assert list(find_faults(tmp_path)) == ([fault] if fault else [])


def test_a_link_to_a_file_outside_the_site_is_refused() -> None:
    with pytest.raises(ValueError, match=r"docs/api\.md: \.\./Makefile is not a file"):
        adapt_links("[the Makefile](../Makefile)", "docs/api.md", list_published_files())


def test_links_are_adapted_to_the_site() -> None:
    published = list_published_files()
    adapted = adapt_links("[a](docs/api.md#errors) [b](https://x.example)", "README.md", published)
    assert adapted == "[a](api.md#errors) [b](https://x.example)"
    fenced = "```md\n[a](none.md)\n```"
    assert adapt_links(fenced, "docs/api.md", published) == fenced
    assert adapt_links("[r](../README.md)", "docs/api.md", published) == "[r](index.md)"


def test_a_notebook_becomes_a_page() -> None:
    page = render_notebook(text(docs_site.NOTEBOOK))
    assert page.startswith("# ")
    assert "```python\nfrom crypto_assets import connect\n" in page


def listed_pages(nav: list[Any]) -> Iterator[str]:
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from listed_pages(target)


def test_the_menu_lists_every_page_once() -> None:
    published = {page for page in list_published_files().values() if page.endswith(".md")}
    listed = list(listed_pages(yaml.safe_load(text("mkdocs.yml"))["nav"]))
    assert sorted(listed) == sorted(published)


def test_the_front_page_is_the_readme(site: Path) -> None:
    heads = [line[3:] for line in text("README.md").splitlines() if line.startswith("## ")]
    front = Page((site / "index.html").read_text())
    assert {head.lower().replace(" ", "-") for head in heads} <= front.ids


def test_the_reference_contains_every_public_method(site: Path) -> None:
    reference = Page((site / "python-reference" / "index.html").read_text())
    public = [name for name in vars(MarketData) if not name.startswith("_")]
    assert {f"crypto_assets.market_data.MarketData.{name}" for name in public} <= reference.ids
    assert "crypto_assets.connect" in reference.ids
    assert "crypto_assets.exchange.interface.ExchangeRest.fetch_depth" in reference.ids
    drawn = (site / "python-reference" / "index.html").read_text()
    names = [name for name in vars(errors) if isinstance(getattr(errors, name), type)]
    tree = [name for name in names if issubclass(getattr(errors, name), errors.CryptoAssetsError)]
    assert [name for name in tree if name not in drawn] == []


def test_the_built_site_is_ignored_by_git() -> None:
    ignored = subprocess.run(
        [
            "git",
            "-c",
            f"safe.directory={ROOT}",
            "check-ignore",
            "-q",
            docs_site.SITE / "index.html",
        ],
        cwd=ROOT,
        check=False,
    )
    assert ignored.returncode == 0


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def site_url(site: Path) -> Iterator[str]:
    handler = partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def record_requests(page: BrowserPage) -> list[str]:
    """Return a list to which the address of each request from now on is added."""
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    return requested


def list_foreign(requested: list[str], site_url: str) -> list[str]:
    return [url for url in requested if not url.startswith((site_url, "data:", "blob:"))]


@pytest.mark.parametrize(("width", "color_scheme"), [(390, "dark"), (1400, "light")])
def test_every_page_loads_from_this_server_alone_and_fits(
    site_url: str, open_tab: OpenTab, width: int, color_scheme: ColorScheme
) -> None:
    tab = open_tab("about:blank", width=width, color_scheme=color_scheme)
    requested = record_requests(tab.page)
    for path in PAGES:
        tab.page.goto(f"{site_url}{path}")
        assert tab.page.evaluate(_OVERFLOW) <= 0, path
    tab.page.wait_for_load_state("networkidle")
    assert (tab.page.evaluate(_BRIGHTNESS) < 128) == (color_scheme == "dark")
    assert len(requested) > len(PAGES)
    assert list_foreign(requested, site_url) == []
    assert tab.errors == []


def test_the_search_finds_a_setting_without_another_host(site_url: str, open_tab: OpenTab) -> None:
    tab = open_tab(site_url)
    requested = record_requests(tab.page)
    tab.page.keyboard.press("Control+k")
    tab.page.keyboard.type("CRYPTO_PARTITION_UNIT")
    tab.page.get_by_role("link", name="Settings").first.wait_for()
    assert list_foreign(requested, site_url) == []
    assert tab.errors == []


def test_a_request_to_another_host_is_noticed(site_url: str, open_tab: OpenTab) -> None:
    tab = open_tab(site_url)
    requested = record_requests(tab.page)
    with tab.page.expect_request("http://host.example/a.png"):
        tab.page.evaluate("new Image().src = 'http://host.example/a.png'")
    assert list_foreign(requested, site_url) == ["http://host.example/a.png"]
