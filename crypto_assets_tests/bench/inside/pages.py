"""Measures a page of the app in a process that has not rendered one before."""

import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

import streamlit_app
from streamlit_app.app import warm_up
from streamlit_app.data import FRESH_SECONDS

_FRAME = Path(streamlit_app.__path__[0]) / "page_frame.py"
_TIMEOUT = 60
_REFRESHES = 3


def measure_page(page: str, times: int) -> dict[str, float | list[float]]:
    """Measure the seconds of the first render after the start, of reruns, and of refreshes.

    A refresh is a rerun for which all cached data of the page has expired. `page` is a file in
    `app_pages`. Dagster is not running, so a page may show an error about it.
    """
    warm_up()
    app = AppTest.from_file(_FRAME, default_timeout=_TIMEOUT)
    app.switch_page(f"app_pages/{page}")
    first = _render(app)
    reruns = [_render(app) for _ in range(times)]
    return {"first": first, "rerun": reruns, "refresh": [_refresh(app) for _ in range(_REFRESHES)]}


def _refresh(app: AppTest) -> float:
    time.sleep(FRESH_SECONDS)
    return _render(app)


def _render(app: AppTest) -> float:
    began = time.monotonic()
    app.run()
    assert len(app.main), "the page is empty"
    errors = [error for error in app.error if "Dagster" not in error.value]
    assert not app.exception and not errors, [*app.exception, *errors]
    return time.monotonic() - began
