"""The frame of every page: navigation bar, status, and notices of unavailable services."""

from html import escape
from pathlib import Path

import streamlit as st

from streamlit_app import auth, page_visits
from streamlit_app.components import notices, phone_menu, status_bar
from streamlit_app.navigation import PAGES

_HERE = Path(__file__)
# Local files: Streamlit would load a named icon from another server.
_IMAGES = _HERE.parent / "images"

# The primary color of the dark theme is light, because it is also a text color. Streamlit writes
# white text on primary buttons in both themes, and darkens them under the pointer.
_DARK_STYLE = """
[data-testid^="stBaseButton-primary"] { color: #0E141D; }
[data-testid^="stBaseButton-primary"]:is(:hover, :focus-visible, :active):enabled {
  color: #0E141D; background: #B9B0FF; border-color: #B9B0FF; }
"""

st.set_page_config(page_title="crypto-assets", page_icon=str(_IMAGES / "mark.svg"), layout="wide")
st.logo(str(_IMAGES / "logo.svg"))
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
with st.container(
    key="status_bar", horizontal=True, vertical_alignment="center", gap="small", width="content"
):
    dark_style = _DARK_STYLE if st.context.theme.type == "dark" else ""
    st.html(f'<style>{dark_style}</style><h1 class="page-title">{escape(page.title)}</h1>')
    phone_menu.render_phone_menu(page.title)
    status_bar.render_status()
    auth.render_session()
notices.render_unavailable_services()
page_visits.record_visit(page.url_path)
page.run()
