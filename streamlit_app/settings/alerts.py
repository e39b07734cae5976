"""Alerts: the webhook that hears of failures, set, taken back, and tested by a real message."""

from functools import partial

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.pipeline.alerting.destination import send_test_alert, validate_webhook_url
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.warehouse.catalog.app_settings import SECRET_MASK
from streamlit_app import auth
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.components import notices
from streamlit_app.data import app_settings

_ADDRESS_KEY = "webhook_url"


def render_alert_settings(allowed: bool) -> None:
    """Raises WarehouseError."""
    address = app_settings.get_alert_destination()
    webhook, changed = address.read_webhook(), address.is_overridden
    st.markdown(_format_destination(webhook, changed))
    with st.container(horizontal=True):
        tested = st.button(
            "Send a test",
            icon=":material/send:",
            key="test_webhook",
            disabled=not (allowed and webhook.url),
        )
        if webhook.url and st.button(
            "Send none", icon=":material/notifications_off:", key="no_webhook", disabled=not allowed
        ):
            confirm_action(
                "Send no alerts?",
                "Failed runs and silent symbols are then told to nobody.",
                "Send none",
                _disable_alerts,
            )
        if changed and st.button(
            "Back to the environment's",
            icon=":material/undo:",
            key="env_webhook",
            disabled=not allowed,
        ):
            run_action(_reset_address)
    with st.container():  # what is said there goes again, and moves nothing that is being typed
        if tested:
            _send_test_alert(webhook)
    _render_address_form("Another address" if webhook.url else "Address", allowed)


def _format_destination(webhook: Webhook, changed: bool) -> str:
    if not webhook.url:
        return "**Alerts go nowhere.** Failed runs and silent symbols are told to nobody."
    scheme = webhook.url.partition(":")[0]
    origin = "set here" if changed else "from `CRYPTO_ALERT_WEBHOOK_URL`"
    return f"Alerts go to **{scheme}://{webhook.display_address}/{SECRET_MASK}** ({origin})."


def _send_test_alert(webhook: Webhook) -> None:
    try:
        auth.require_write_access()
        send_test_alert(webhook)
    except CryptoAssetsError as error:
        st.error(f"**The test did not arrive.** {notices.format_sentence(str(error))}")
        return
    st.success(
        f"**{webhook.display_address} took the test.** It should be readable there now.",
        icon=":material/check_circle:",
    )


def _render_address_form(label: str, allowed: bool) -> None:
    with st.form("webhook", border=False, clear_on_submit=True):
        given = st.text_input(
            label,
            type="password",
            placeholder="https://hooks.slack.com/services/…",
            key=_ADDRESS_KEY,
            help="An incoming webhook of Slack, or of what takes its JSON, as Mattermost.",
            width=520,
        )
        saved = st.form_submit_button("Use this address", type="primary", disabled=not allowed)
    st.caption(
        "The address is a secret: it is kept in the warehouse, shown nowhere, and the change log "
        "says only that it has changed."
    )
    if saved:
        _confirm_address(given)


def _confirm_address(given: str) -> None:
    try:
        place = Webhook(validate_webhook_url(given)).display_address
    except CryptoAssetsError as error:
        st.error(notices.format_sentence(str(error)), icon=":material/error:")
        return
    confirm_action(
        "Send alerts there?",
        f"From the next alert on they go to **{place}**, and nowhere else.",
        "Send them there",
        partial(_save_address, given),
    )


def _save_address(given: str, who: str) -> str:
    app_settings.get_alert_destination().set_override(given, who)
    return "Alerts go to the new address. Send a test to be sure."


def _disable_alerts(who: str) -> str:
    app_settings.get_alert_destination().set_override("", who)
    return "Alerts go nowhere."


def _reset_address(who: str) -> str:
    app_settings.get_alert_destination().remove_override(who)
    return "Alerts go where the environment says."
