"""The form that adds a price alert."""

import streamlit as st

from streamlit_app import data
from streamlit_app.actions import run_action
from streamlit_app.components import notices
from streamlit_app.components.price_alert_form import CAPTION, render_alert_inputs


def render_rule_form(can_write: bool) -> None:
    """Draw the inputs in a row, and the button that adds the rule."""
    with notices.render_errors():
        symbols = [instrument.symbol for instrument in data.query_instruments()]
        if not symbols:
            notices.render_empty_state("No symbols are tracked.")
            return
        with st.container(horizontal=True, vertical_alignment="bottom", key="alert_form"):
            draft = render_alert_inputs(symbols)
            clicked = st.button(
                "Add alert",
                icon=":material/add_alert:",
                type="primary",
                key="add_alert",
                disabled=not can_write or not draft.level,
            )
        st.caption(CAPTION)
        if clicked:
            run_action(draft.add)
