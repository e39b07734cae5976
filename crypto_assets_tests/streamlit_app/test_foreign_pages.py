"""A page of another origin gets nothing from the app, and cannot hold it up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from crypto_assets.http_server import serve_in_thread
from crypto_assets_tests.services.chromium import OpenTab
from crypto_assets_tests.streamlit_app.conftest import serving

# Runs in the app's process before everything else: a name server that never answers, as where a
# firewall drops its packets.
SILENT_NAME_SERVER = """
import pathlib, socket, time

real = socket.getaddrinfo

def getaddrinfo(host, *args, **kwargs):
    try:
        return real(host, *args, **{**kwargs, "flags": socket.AI_NUMERICHOST})
    except socket.gaierror:
        if host in ("localhost", b"localhost"):
            return real(host, *args, **kwargs)
        pathlib.Path(__file__).with_name("asked").write_text(str(host))
        time.sleep(60)
        raise

socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture
def offline_app(
    stocked_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    (tmp_path / "sitecustomize.py").write_text(SILENT_NAME_SERVER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with serving(stocked_home, tmp_path / "app.log") as address:
        yield address


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "null"])
def test_refused_websockets_delay_no_health_check(
    offline_app: str, origin: str, tmp_path: Path
) -> None:
    stream = f"{offline_app.replace('http', 'ws', 1)}/_stcore/stream"
    for _ in range(3):
        with pytest.raises(InvalidStatus) as refused:
            connect(stream, origin=origin, proxy=None)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
    assert requests.get(f"{offline_app}/_stcore/health", timeout=30).text == "ok"
    assert not (tmp_path / "asked").exists()


def test_the_app_may_not_be_framed(app_address: str, open_tab: OpenTab) -> None:
    frame = Starlette(
        routes=[Route("/", lambda _: HTMLResponse(f'<iframe src="{app_address}"></iframe>'))]
    )
    with serve_in_thread(frame) as url:
        page = open_tab(url.replace("127.0.0.1", "localhost")).page
        page.wait_for_load_state("networkidle")
        assert [one.url for one in page.frames if one.url.startswith(app_address)] == []


def test_a_foreign_host_is_refused(app_address: str) -> None:
    answer = requests.get(app_address, headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 403
    assert "CRYPTO_ALLOWED_HOSTS" in answer.text


def test_every_page_runs_only_the_scripts_of_the_app(app_address: str) -> None:
    answer = requests.get(app_address, timeout=10)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' blob:" in policy
    assert "server" not in answer.headers
