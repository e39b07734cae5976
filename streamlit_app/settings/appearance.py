"""Appearance: the theme of this browser, which is dark, light, or the system's."""

from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from streamlit_app.navigation import PAGES

_HTML = """
<div class="themes" role="group" aria-label="Theme">
  <button type="button" data-theme="System">System</button>
  <button type="button" data-theme="Light">Light</button>
  <button type="button" data-theme="Dark">Dark</button>
</div>
"""

_HERE = Path(__file__)
_component = st.components.v2.component(
    "appearance",
    html=_HTML,
    css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
    js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
)


def render_appearance() -> None:
    """Draw the theme buttons."""
    st.markdown("**Theme**")
    base = urlsplit(st.context.url or "").path.rpartition("/")[0]
    pages = ["/", *(f"/{page.name}" for page in PAGES)]
    _component(key="appearance", data={"base": base, "pages": pages})
    st.caption(
        "Stored in this browser, for all pages. Rising is blue and falling is orange in both "
        "themes, readable with any kind of color blindness."
    )
