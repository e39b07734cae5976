"""The list of price alerts with their state, each of which can be deleted or armed again."""

from functools import partial

import streamlit as st

from crypto_assets.pipeline.control import price_alerts
from crypto_assets.warehouse.catalog.app_settings import Author
from crypto_assets.warehouse.catalog.price_alerts import StoredRule
from streamlit_app import data
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.components import notices
from streamlit_app.data import price_alerts as queries


@st.fragment(run_every="10s")
def render_rule_list(can_write: bool) -> None:
    with notices.render_errors():
        rules = queries.query_rules()
        st.subheader("Price alerts", anchor=False)
        if not rules:
            notices.render_empty_state("No price alerts.")
        for stored in rules:
            _render_rule(stored, can_write)


def _render_rule(stored: StoredRule, can_write: bool) -> None:
    rule = stored.rule
    name = notices.escape_markdown(f"{rule.symbol} {rule.condition}")
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"alert_{stored.rule_id}"
    ):
        with st.container(width=90):
            _render_state(stored)
        repeats = "every time" if rule.repeats else "once"
        st.markdown(
            f"**{notices.escape_markdown(rule.symbol)}** "
            f"{notices.escape_markdown(rule.condition)}, {repeats}",
            width="stretch",
        )
        if not stored.state.is_active and st.button(
            "Arm again",
            icon=":material/replay:",
            type="tertiary",
            key=f"arm_{stored.rule_id}",
            disabled=not can_write,
        ):
            run_action(partial(_restart_rule, stored.rule_id))
        if st.button(
            "Delete",
            icon=":material/delete:",
            type="tertiary",
            key=f"delete_{stored.rule_id}",
            disabled=not can_write,
        ):
            confirm_action(
                "Delete alert?",
                f"{name} is no longer evaluated. What it has fired stays in the log.",
                "Delete",
                partial(_delete_rule, stored.rule_id),
            )
    if stored.failure:
        st.warning(
            f"**Cannot evaluate {name}.** {notices.format_sentence(stored.failure)}",
            icon=":material/error:",
        )


def _render_state(stored: StoredRule) -> None:
    if stored.failure:
        st.badge("Failing", icon=":material/error:", color="orange")
    elif not stored.state.is_active:
        st.badge("Ended", icon=":material/check:", color="gray")
    elif stored.state.is_armed:
        st.badge("Armed", icon=":material/notifications:", color="blue")
    else:
        st.badge("Fired", icon=":material/notifications_active:", color="green")


def _delete_rule(rule_id: str, who: Author) -> str:
    price_alerts.delete_price_alert(data.get_pipeline_context().warehouse, rule_id, who)
    return "Alert deleted."


def _restart_rule(rule_id: str, who: Author) -> str:
    price_alerts.restart_price_alert(data.get_pipeline_context().warehouse, rule_id, who)
    return "The alert is armed."
