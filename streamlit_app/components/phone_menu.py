"""Closes the menu of pages on a phone after a page is chosen; Streamlit leaves it open."""

import streamlit as st

# A link may be touched before this script is there: then it sees another address than the document
# was loaded from.
_SCRIPT = """
const OPEN = "[data-testid=stSidebar][data-collapsed=false]"
let page = new URL(performance.getEntriesByType("navigation")[0].name).pathname

function close() {
  if (!window.matchMedia("(max-width: 768px)").matches) return
  document.querySelector(`${OPEN} [data-testid=stSidebarCollapseButton] button`)?.click()
}

export default function () {
  if (window.location.pathname !== page) {
    page = window.location.pathname
    close()
  }
  const closeAfterLink = (event) => {
    // After the link's own handler.
    if (event.target.closest("[data-testid=stSidebarNavLink]")) setTimeout(close)
  }
  document.addEventListener("click", closeAfterLink)
  return () => document.removeEventListener("click", closeAfterLink)
}
"""
_component = st.components.v2.component("phone_menu", html="<span></span>", js=_SCRIPT)


def render_phone_menu(page: str) -> None:
    """Install the script, which draws nothing, on a page of this title."""
    _component(key="menu", data={"page": page})
