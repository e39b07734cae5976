"""The frame of every page: navigation, and the line that says how fresh everything is."""

from pathlib import Path

import streamlit as st

from streamlit_app.components import freshness
from streamlit_app.navigation import PAGES

# Files of our own: an icon by name would be fetched from a stranger's server.
_IMAGES = Path(__file__).parent / "images"

# On dark ground the primary colour is light, so that it can be read as text too; Streamlit writes
# white on it all the same.
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
freshness.render_freshness_line()
page.run()
