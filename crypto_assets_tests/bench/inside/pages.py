"""A page of the app as its server runs it, in a process that has not rendered one yet."""

import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

import streamlit_app
from streamlit_app.app import warm_up
from streamlit_app.data import FRESH_SECONDS

_FRAME = Path(streamlit_app.__path__[0]) / "page_frame.py"
_TIMEOUT = 60
_REFRESHES = 3


def renders(page: str, times: int) -> dict[str, float | list[float]]:
    """Seconds of the first render, of a server that has started, of reruns, and of refreshes.

    A refresh is a rerun that finds all that pages refresh by themselves too old to be shown again.
    `page` is its file in `app_pages`. Dagster does not run beside a measurement, and a page may
    say so.
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
    assert len(app.main), "nothing was drawn"
    complaints = [one for one in app.error if "Dagster" not in one.value]
    assert not app.exception and not complaints, [*app.exception, *complaints]
    return time.monotonic() - began
