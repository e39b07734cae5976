"""Closes the menu of pages on a phone after a page is chosen; Streamlit leaves it open."""

import streamlit as st

_SCRIPT = """
export default function () {
  const close = (event) => {
    if (!event.target.closest("[data-testid=stSidebarNavLink]")) return
    if (!window.matchMedia("(max-width: 768px)").matches) return
    const button = document.querySelector("[data-testid=stSidebarCollapseButton] button")
    // After the link's own handler.
    setTimeout(() => button?.click())
  }
  document.addEventListener("click", close)
  return () => document.removeEventListener("click", close)
}
"""
_component = st.components.v2.component("phone_menu", html="<span></span>", js=_SCRIPT)


def render_phone_menu() -> None:
    """Install the script, which draws nothing."""
    _component(key="menu")
