"""Build the docs site into `site/`: `make docs`.

Pages are the files of `docs/` and those in `OTHER_FILES`; their links are adapted to the site.
Zensical builds them in strict mode. After that, every link, image, script and anchor of the built
HTML is checked, because Zensical checks only links between pages.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from crypto_assets_tests.project.repository import ROOT, files, name

SITE = ROOT / "site"
# Files outside `docs/` that the site contains.
OTHER_FILES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "streamlit_app/images/mark.svg": "images/mark.svg",
}
NOTEBOOK = "docs/example.ipynb"

_LINK = re.compile(r"(?<=\]\()([^)#\s]+)")
_FENCE = re.compile(r"(```.*?```)", re.DOTALL)
# Attributes that make a browser request something or go somewhere.
_ADDRESSES = {"href", "src", "data", "poster", "action"}


def build_site(target: Path = SITE) -> list[str]:
    """Build the site into `target`, replacing it, and return its faults.

    Raises subprocess.CalledProcessError where Zensical finds faults, which it prints.
    """
    with tempfile.TemporaryDirectory() as folder:
        stage_pages(Path(folder))
        render_pages(Path(folder))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(Path(folder) / "site", target)
    return list(find_faults(target))


def render_pages(folder: Path) -> None:
    """Build the staged pages into `folder / "site"`."""
    zensical = Path(sys.executable).with_name("zensical")
    # mkdocstrings searches PYTHONPATH for the package.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([zensical, "build", "--strict"], cwd=folder, env=environment, check=True)


def stage_pages(folder: Path) -> None:
    """Write the configuration, and the pages under their names in the site, into `folder`."""
    published = list_published_files()
    for source, page in published.items():
        target = folder / "pages" / page
        target.parent.mkdir(parents=True, exist_ok=True)
        if source == NOTEBOOK:
            target.write_text(render_notebook((ROOT / source).read_text()))
        elif target.suffix == ".md":
            target.write_text(adapt_links((ROOT / source).read_text(), source, published))
        else:
            shutil.copy(ROOT / source, target)
    shutil.copy(ROOT / "mkdocs.yml", folder)


def list_published_files() -> dict[str, str]:
    """Map the path in the repository of each page and image to its path in the site."""
    docs = {name(path): str(path.relative_to(ROOT / "docs")) for path in files("docs/*")}
    return {**docs, **OTHER_FILES, NOTEBOOK: "example.md"}


def adapt_links(content: str, source: str, published: dict[str, str]) -> str:
    """Replace relative links of a page by those of the site.

    Raises ValueError for a link to a file that the site does not contain.
    """
    page = Path(published[source])

    def adapt(match: re.Match[str]) -> str:
        link = match.group()
        if "://" in link or link.startswith("mailto:"):
            return link
        path = os.path.normpath(Path(source).parent / link)
        if path not in published:
            raise ValueError(f"{source}: {link} is not a file of the site: write its path as code")
        return os.path.relpath(published[path], page.parent)

    parts = _FENCE.split(content)
    parts[::2] = [_LINK.sub(adapt, part) for part in parts[::2]]
    return "".join(parts)


def render_notebook(content: str) -> str:
    """Render a notebook without outputs as Markdown."""
    cells = json.loads(content)["cells"]
    return "\n\n".join(
        f"```python\n{''.join(cell['source'])}\n```"
        if cell["cell_type"] == "code"
        else "".join(cell["source"])
        for cell in cells
    )


class Page(HTMLParser):
    """The ids of a built page, and the addresses that it links to, loads or requests."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(content)

    def has_id(self, fragment: str) -> bool:
        return unquote(fragment) in self.ids

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for attribute, value in attributes:
            if attribute == "id" and value:
                self.ids.add(value)
            elif attribute in _ADDRESSES and value is not None:
                (self.links if tag == "a" else self.loaded).append(value)


def find_faults(site: Path) -> Iterator[str]:
    """Yield each link without a target, and each file that a page loads from another host."""
    pages = {path.resolve(): Page(path.read_text()) for path in site.rglob("*.html")}
    for path, page in pages.items():
        where = path.relative_to(site.resolve())
        for address in page.loaded:
            if urlsplit(address).netloc:
                yield f"{where}: loads {address} from another host"
        for address in page.links + page.loaded:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            # The page for unknown addresses has absolute links, as it is served at any depth.
            base = site.resolve() if parts.path.startswith("/") else path.parent
            target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{where}: {address} does not exist"
            elif target in pages and parts.fragment and not pages[target].has_id(parts.fragment):
                yield f"{where}: {address} has no such anchor"


def main() -> None:
    try:
        faults = build_site()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if faults:
        sys.exit(1)
    sys.stdout.write(f"{name(SITE)}/index.html is ready: python -m http.server -d {name(SITE)}\n")


if __name__ == "__main__":
    main()
