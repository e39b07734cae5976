"""The frame of every page: navigation, and the line that says how fresh everything is."""

from pathlib import Path

import streamlit as st

from streamlit_app import freshness

# Files of our own: an icon by name would be fetched from a stranger's server.
_IMAGES = Path(__file__).parent / "images"

st.set_page_config(page_title="crypto-assets", page_icon=str(_IMAGES / "mark.svg"), layout="wide")
st.logo(str(_IMAGES / "logo.svg"))
page = st.navigation(
    [
        st.Page(
            "app_pages/dashboard.py",
            title="Dashboard",
            icon=":material/dashboard:",
            default=True,
            help="Every tracked symbol at a glance: price, 24 hours, totals, what needs attention.",
        ),
        st.Page(
            "app_pages/analytics.py",
            title="Analytics",
            icon=":material/candlestick_chart:",
            help="Candles with volume and indicators, from a minute to a week, over any range.",
        ),
    ],
    position="top",
)
freshness.line()
page.run()
