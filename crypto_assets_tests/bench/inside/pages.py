"""A page of the app as its server runs it, in a process that has not rendered one yet."""

import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

import streamlit_app

_APP = Path(streamlit_app.__path__[0]) / "app.py"
_TIMEOUT = 60


def renders(page: str, times: int) -> dict[str, float | list[float]]:
    """Seconds of the first render and of reruns; `page` is its file in `app_pages`."""
    app = AppTest.from_file(_APP, default_timeout=_TIMEOUT)
    app.switch_page(f"app_pages/{page}")
    first = _render(app)
    return {"first": first, "rerun": [_render(app) for _ in range(times)]}


def _render(app: AppTest) -> float:
    began = time.monotonic()
    app.run()
    assert not app.exception and not app.error, [*app.exception, *app.error]
    return time.monotonic() - began
