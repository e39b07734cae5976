"""Alerts: the webhook, which can be set, reset, turned off, and tested, and further targets."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from crypto_assets.errors import CryptoAssetsError
from crypto_assets.pipeline.alerting.destination import send_test_alert, validate_webhook_url
from crypto_assets.pipeline.alerting.targets import AlertTarget, list_targets
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.settings import get_settings
from crypto_assets.warehouse.catalog.app_settings import SECRET_MASK, Author
from streamlit_app import auth
from streamlit_app.actions import confirm_action, run_action
from streamlit_app.components import notices
from streamlit_app.data import app_settings

_ADDRESS_KEY, _SAVES_KEY = "webhook_url", "saved_webhooks"


def render_alert_settings(can_write: bool) -> None:
    """Draw the settings. Raises WarehouseError."""
    address = app_settings.get_alert_destination()
    webhook, is_overridden = address.read_webhook(), address.is_overridden
    targets = list_targets(webhook, get_settings().alert_urls.get_secret_value())
    st.markdown(_format_destination(webhook, is_overridden))
    if webhook.warning:
        st.warning(notices.format_sentence(webhook.warning), icon=":material/lock_open:")
    with st.container(horizontal=True):
        test_clicked = st.button(
            "Send test",
            icon=":material/send:",
            key="test_webhook",
            disabled=not (can_write and targets),
        )
        if webhook.url and st.button(
            "Turn off",
            icon=":material/notifications_off:",
            key="no_webhook",
            disabled=not can_write,
        ):
            confirm_action(
                "Turn off the webhook?",
                "Alerts will go to the addresses in `CRYPTO_ALERT_URLS` only."
                if _has_further_targets()
                else "Failed runs, delayed symbols and price alerts will send no messages.",
                "Turn off",
                _disable_alerts,
            )
        if is_overridden and st.button(
            "Use value from environment",
            icon=":material/undo:",
            key="env_webhook",
            disabled=not can_write,
        ):
            run_action(_reset_address)
    # A container, so that messages that come and go do not move the input below.
    with st.container():
        if test_clicked:
            _send_test_alert(targets)
    _render_address_form("New webhook URL" if webhook.url else "Webhook URL", can_write)


def _format_destination(webhook: Webhook, is_overridden: bool) -> str:
    if not webhook.url:
        if _has_further_targets():
            return "**No webhook.** Alerts go to the addresses in `CRYPTO_ALERT_URLS` only."
        return "**Alerts are off.** Failed runs, delayed symbols and price alerts send no messages."
    scheme = webhook.url.partition(":")[0]
    origin = "set here" if is_overridden else "from `CRYPTO_ALERT_WEBHOOK_URL`"
    further = " and to the addresses in `CRYPTO_ALERT_URLS`" if _has_further_targets() else ""
    return f"Alerts go to `{scheme}://{webhook.display_address}/{SECRET_MASK}` ({origin}){further}."


def _has_further_targets() -> bool:
    return bool(get_settings().alert_urls.get_secret_value().strip())


def _send_test_alert(targets: Sequence[AlertTarget]) -> None:
    try:
        auth.require_write_access()
        send_test_alert(targets)
    except CryptoAssetsError as error:
        st.error(f"**Test failed.** {notices.format_sentence(str(error))}")
        return
    names = " and ".join(
        target.display_address if isinstance(target, Webhook) else target.name for target in targets
    )
    st.success(
        f"Test sent to **{notices.escape_markdown(names)}**.", icon=":material/check_circle:"
    )


def _render_address_form(label: str, can_write: bool) -> None:
    with st.form("webhook", border=False):
        url = st.text_input(
            label,
            type="password",
            placeholder="https://hooks.slack.com/services/…",
            # A new key after each saved address; one that is refused can be corrected.
            key=f"{_ADDRESS_KEY}_{st.session_state.get(_SAVES_KEY, 0)}",
            help="An incoming webhook of Slack, or of a compatible service such as Mattermost.",
            width=520,
        )
        submitted = st.form_submit_button("Save", type="primary", disabled=not can_write)
    st.caption(
        "The URL is a secret: it is stored in the warehouse, never shown, and masked in the "
        "change log."
    )
    if submitted:
        _confirm_address(url)


def _confirm_address(url: str) -> None:
    try:
        webhook = Webhook(validate_webhook_url(url))
    except CryptoAssetsError as error:
        st.error(notices.format_sentence(str(error)), icon=":material/error:")
        return
    confirm_action(
        "Change webhook?",
        f"Alerts will go to **{notices.escape_markdown(webhook.display_address)}**."
        + (f" {notices.format_sentence(webhook.warning)}" if webhook.warning else ""),
        "Save",
        partial(_save_address, url),
    )


def _save_address(url: str, who: Author) -> str:
    app_settings.get_alert_destination().set_override(url, who)
    st.session_state[_SAVES_KEY] = st.session_state.get(_SAVES_KEY, 0) + 1
    return "Webhook saved. Send a test to check it."


def _disable_alerts(who: Author) -> str:
    app_settings.get_alert_destination().set_override("", who)
    return "The webhook is off."


def _reset_address(who: Author) -> str:
    app_settings.get_alert_destination().remove_override(who)
    return "The webhook of the environment is used."
