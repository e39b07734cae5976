"""The libraries of the charts: unmodified, compressed, and cached by browsers."""

import asyncio
import gzip
from pathlib import Path

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette

from crypto_assets.errors import IncompleteInstallation
from streamlit_app.components import script_libraries
from streamlit_app.components.script_libraries import LIBRARIES, LIGHTWEIGHT_CHARTS, ScriptLibrary


class _ChangedCarrier:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def locate_file(self, name: str) -> Path:
        return self._folder / Path(name).name


async def _get_twice(library: ScriptLibrary) -> tuple[Response, Response]:
    transport = ASGITransport(Starlette(routes=[library.route]))
    path = f"/{library.script_name}"
    async with AsyncClient(transport=transport, base_url="http://app") as client:
        return await client.get(path), await client.get(
            path, headers={"Accept-Encoding": "identity"}
        )


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.script_name)
def test_a_library_is_served_compressed_and_cached(library: ScriptLibrary) -> None:
    compressed, plain = asyncio.run(_get_twice(library))
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.content == plain.content == gzip.decompress(library.compressed_script)
    assert "immutable" in plain.headers["cache-control"]


def test_lightweight_charts_names_its_author_and_license() -> None:
    header = LIGHTWEIGHT_CHARTS.script[:300].decode()
    assert "TradingView" in header and "v5.2.0" in header and "Apache License 2.0" in header


def test_a_changed_file_is_not_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    changed = tmp_path / "lightweight-charts.standalone.production.js"
    changed.write_bytes(LIGHTWEIGHT_CHARTS.script + b" ")
    monkeypatch.setattr(script_libraries, "distribution", lambda _: _ChangedCarrier(tmp_path))
    with pytest.raises(IncompleteInstallation, match=r"not that of version 5\.2\.0"):
        script_libraries.read_lightweight_charts()
    changed.unlink()
    with pytest.raises(IncompleteInstallation, match="is missing: install akquant-lwc"):
        script_libraries.read_lightweight_charts()
