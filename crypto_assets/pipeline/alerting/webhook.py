"""Alerts, and a webhook that takes them in the format of Slack."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urljoin, urlsplit

from crypto_assets.addresses import is_web_address, remove_logins
from crypto_assets.errors import AlertNotSent, AlertRejected, WrongUse
from crypto_assets.http_client import (
    REQUEST_ERRORS,
    HttpResponse,
    RequestTimeouts,
    describe_proxy_failure,
    open_session,
    send_request,
    uses_proxy,
)
from crypto_assets.loopback import is_loopback
from crypto_assets.pipeline.alerting.refused_hosts import refuse_address, refuse_host

_TIMEOUTS = RequestTimeouts(connect=3.05, read=10, total=20)
# Slack returns two letters, which nothing reads.
_MAX_RESPONSE_BYTES = 64 * 1024
# The statuses of a client's errors that say nothing about the message.
_RETRY_LATER = {407, 408, 425, 429}
# Slack truncates longer messages; further alerts are only counted.
_MAX_SHOWN, _MAX_ALERTS = 10, 10_000
_MAX_TEXT_LENGTH = 1000
_MAX_FINGERPRINT_TEXT = 300
_RED, _GREEN = "#c0392b", "#2e7d32"
_FIX_HINT = "see the app's Settings page, or CRYPTO_ALERT_WEBHOOK_URL"


@dataclass(frozen=True)
class Alert:
    """A problem that needs a person's attention; with `is_notice`, the end of
    one, a price alert, or a test.

    `error` is the reason, or the text of a notice.
    """

    subject: str
    error: str
    symbol: str = ""
    partition: str = ""
    link: str = ""
    is_notice: bool = False

    @property
    def fingerprint(self) -> str:
        """Twelve letters, equal for the same subject, symbol and error apart from numbers.

        They are few, since a history stores thousands.
        """
        words = re.sub(r"\d+", "#", f"{self.subject}|{self.error}")
        text = f"{self.symbol}|{words}"[:_MAX_FINGERPRINT_TEXT]
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Webhook:
    """A receiver of alerts; `url` is a secret, None turns alerts off."""

    url: str | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name of this target in the log of alerts."""
        return "webhook"

    @property
    def max_alerts(self) -> int:
        """One message has all alerts, of which it shows the first ones."""
        return _MAX_ALERTS

    @property
    def display_address(self) -> str:
        """The host and port of the address, which are no secret."""
        try:
            parts = urlsplit(remove_logins(self.url or ""))
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
            return f"{host}:{parts.port}" if parts.port else host
        except ValueError:
            return "an invalid address"

    @property
    def warning(self) -> str | None:
        """What is unsafe about the address; None if nothing is."""
        if not self.url or not self.url.lower().startswith("http://"):
            return None
        if not is_web_address(self.url) or is_loopback(urlsplit(self.url).hostname or ""):
            return None
        return (
            f"alerts and the address itself go to {self.display_address} without encryption: use "
            "https:// if the receiver supports it"
        )

    def send_alerts(self, alerts: Sequence[Alert]) -> None:
        """Send all alerts as one message.

        Raises AlertNotSent, which never shows the secret; AlertRejected where the receiver has
        rejected the message.
        """
        if not self.url or not alerts:
            return
        if not is_web_address(self.url):
            raise AlertNotSent(f"the webhook's address is not a web address: {_FIX_HINT}")
        name = f"the webhook at {self.display_address}"
        try:
            response = self._post_message(build_webhook_message(alerts))
        except WrongUse as error:
            raise AlertNotSent(f"{name} cannot be reached: {error}") from None
        except REQUEST_ERRORS as error:
            if proxy_failure := describe_proxy_failure(self.url, error):
                raise AlertNotSent(f"{name} cannot be reached: {proxy_failure}") from None
            kind = type(error).__name__
            raise AlertNotSent(f"{name} does not respond ({kind}): {_FIX_HINT}") from None
        if response.is_redirect:
            raise AlertNotSent(
                f"{name} redirects (HTTP {response.status}) to {_describe_target(response)}, which "
                "is not followed: give the address that it redirects to"
            )
        if not response.is_success:
            is_rejected = 400 <= response.status < 500 and response.status not in _RETRY_LATER
            error_type = AlertRejected if is_rejected else AlertNotSent
            raise error_type(f"{name} answers {response.status}: {_FIX_HINT}")

    def _post_message(self, message: dict[str, Any]) -> HttpResponse:
        """Post a message, unless the host has an address that is refused.

        A proxy looks the host up itself; then only an address in the URL can be refused.
        """
        url = self.url or ""
        is_direct = not uses_proxy(url)
        refuse_host(urlsplit(url).hostname or "", look_up=is_direct)
        with open_session(url) as session:
            return send_request(
                session,
                "POST",
                url,
                json=message,
                timeouts=_TIMEOUTS,
                max_bytes=_MAX_RESPONSE_BYTES,
                # The name may have another address by now.
                check_peer=refuse_address if is_direct else None,
            )


def _describe_target(response: HttpResponse) -> str:
    """Return scheme and host of a redirect; its path may contain the secret."""
    try:
        target = urljoin(response.url, response.headers.get("Location", ""))
    except ValueError:
        target = ""
    if not is_web_address(target):
        return "an unreadable address"
    return f"{urlsplit(target).scheme}://{Webhook(target).display_address}"


def build_webhook_message(alerts: Sequence[Alert]) -> dict[str, Any]:
    """Build the JSON of Slack's incoming webhooks, which Mattermost and others accept too.

    `&`, `<` and `>` are escaped, so that the text of an error cannot notify a whole channel or hide
    a link (api.slack.com/reference/surfaces/formatting#escaping).
    """
    shown, more = alerts[:_MAX_SHOWN], len(alerts) - _MAX_SHOWN
    headline = alerts[0].subject if len(alerts) == 1 else f"{len(alerts)} alerts"
    text = f"crypto-assets: {headline}{f' ({more} not shown)' if more > 0 else ''}"
    return {
        "text": _escape_text(text),
        "attachments": [_build_attachment(alert) for alert in shown],
    }


def _build_attachment(alert: Alert) -> dict[str, Any]:
    values = {
        "symbol": alert.symbol,
        "partition": alert.partition,
        _name_text(alert): alert.error,
    }
    fields = [
        {"title": name, "value": _escape_text(value), "short": value is not alert.error}
        for name, value in values.items()
        if value
    ]
    lines = [f"{name}: {value}" for name, value in {**values, "link": alert.link}.items()]
    return {
        "color": _GREEN if alert.is_notice else _RED,
        "title": _escape_text(alert.subject),
        "title_link": alert.link,
        "fields": fields,
        "fallback": _escape_text(f"{alert.subject}; {'; '.join(lines)}"),
    }


def _name_text(alert: Alert) -> str:
    return "message" if alert.is_notice else "error"


def _escape_text(text: str) -> str:
    """Truncate, then escape, so that no escape sequence is cut in two."""
    return escape(text[:_MAX_TEXT_LENGTH], quote=False)
