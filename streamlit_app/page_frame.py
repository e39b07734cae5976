"""The frame of every page: navigation bar and status line."""

from pathlib import Path

import streamlit as st

from streamlit_app import auth, page_visits
from streamlit_app.components import freshness
from streamlit_app.navigation import PAGES

# Local files: Streamlit would load a named icon from another server.
_IMAGES = Path(__file__).parent / "images"

# The primary colour of the dark theme is light, because it is also a text colour. Streamlit writes
# white text on primary buttons in both themes.
_PRIMARY_TEXT_STYLE = """
<style>[data-testid^="stBaseButton-primary"] { color: #0E141D; }</style>
"""

st.set_page_config(page_title="crypto-assets", page_icon=str(_IMAGES / "mark.svg"), layout="wide")
st.logo(str(_IMAGES / "logo.svg"))
if st.context.theme.type == "dark":
    st.html(_PRIMARY_TEXT_STYLE)
page = st.navigation(
    [
        st.Page(
            entry.path,
            title=entry.title,
            icon=entry.icon,
            help=entry.purpose,
            default=entry is PAGES[0],
        )
        for entry in PAGES
    ],
    position="top",
)
st.set_page_config(page_title=f"{page.title} · crypto-assets")
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    with st.container(width="stretch"):
        freshness.render_freshness_line()
    with st.container(width="content"):
        auth.render_session()
page_visits.record_visit(page.url_path)
page.run()
