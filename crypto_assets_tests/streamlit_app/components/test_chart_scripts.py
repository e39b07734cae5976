"""The scripts of the candle chart are served as modules that find each other."""

import asyncio
import re
from pathlib import Path

from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from streamlit_app.components import chart_scripts

FOLDER = Path(chart_scripts.__file__).with_name("chart_modules")


async def _load_all(client: AsyncClient, folder: str, entry: str) -> set[str]:
    """Load a script with all that it imports, and return their names."""
    found, pending = set(), [entry]
    while pending:
        name = pending.pop()
        found.add(name)
        response = await client.get(f"/{folder}/{name}")
        assert response.status_code == 200 and response.content == (FOLDER / name).read_bytes()
        assert "immutable" in response.headers["cache-control"]
        assert response.headers["content-type"].startswith("text/javascript")
        imported = set(re.findall(r'^import .* from "\./(.+)"$', response.text, re.MULTILINE))
        pending.extend(imported - found)
    return found


async def _check_scripts() -> None:
    transport = ASGITransport(Starlette(routes=[chart_scripts.CHART_SCRIPTS_ROUTE]))
    folder, _, entry = chart_scripts.get_entry_path().rpartition("/")
    async with AsyncClient(transport=transport, base_url="http://app") as client:
        assert await _load_all(client, folder, entry) == set(chart_scripts.SCRIPT_NAMES)
        for path in (f"/{folder}/candle_chart.py", f"/{folder}/no.js", f"/chart-0/{entry}"):
            assert (await client.get(path)).status_code == 404


def test_each_script_is_served_with_all_that_it_imports() -> None:
    asyncio.run(_check_scripts())
