"""Alerts to a webhook, as Slack takes them: what failed, where, why, and a link to it."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlsplit

from crypto_assets.addresses import is_web_address, remove_logins
from crypto_assets.errors import AlertNotSent, WrongUse
from crypto_assets.http_client import REQUEST_ERRORS, describe_proxy_failure, open_session

_TIMEOUT_SECONDS = (3.05, 10)
# Slack cuts a longer message; the rest is counted.
_MAX_SHOWN = 10
_MAX_TEXT_LENGTH = 1000
_MAX_FINGERPRINT_TEXT = 300
_RED = "#c0392b"
_FIX_HINT = "see the app's page Settings, or CRYPTO_ALERT_WEBHOOK_URL"


@dataclass(frozen=True)
class Alert:
    """One thing that a person should look at. The same `subject`, symbol and error is the same."""

    subject: str
    error: str
    symbol: str = ""
    partition: str = ""
    link: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal for the same failure at another time: figures are left out, but the symbol's.

        Twelve letters, since thousands are kept at once.
        """
        words = re.sub(r"\d+", "#", f"{self.subject}|{self.error}")
        said = f"{self.symbol}|{words}"[:_MAX_FINGERPRINT_TEXT]
        return hashlib.blake2b(said.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Webhook:
    """Where alerts go; `url` is a secret, None where nobody wants any."""

    url: str | None = field(default=None, repr=False)

    @property
    def display_address(self) -> str:
        """What of the address is no secret: `hooks.example` or `127.0.0.1:8065`."""
        try:
            parts = urlsplit(remove_logins(self.url or ""))
            return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
        except ValueError:
            return "an address that is none"

    def send_alerts(self, alerts: Sequence[Alert]) -> None:
        """One message for all of them. Raises AlertNotSent, without the address's secret part."""
        if not self.url or not alerts:
            return
        if not is_web_address(self.url):
            raise AlertNotSent(f"the webhook's address is no web address: {_FIX_HINT}")
        try:
            with open_session(self.url) as session:
                answer = session.post(
                    self.url, json=build_webhook_message(alerts), timeout=_TIMEOUT_SECONDS
                )
        except WrongUse as error:
            raise AlertNotSent(
                f"the webhook at {self.display_address} cannot be asked: {error}"
            ) from None
        except REQUEST_ERRORS as error:
            if said := describe_proxy_failure(self.url, error):
                raise AlertNotSent(
                    f"the webhook at {self.display_address} cannot be asked: {said}"
                ) from None
            raise AlertNotSent(
                f"the webhook at {self.display_address} does not answer ({type(error).__name__}): {_FIX_HINT}"
            ) from None
        if not answer.ok:
            raise AlertNotSent(
                f"the webhook at {self.display_address} answers {answer.status_code}: {_FIX_HINT}"
            )


def build_webhook_message(alerts: Sequence[Alert]) -> dict[str, Any]:
    """The JSON of Slack's incoming webhooks, which Mattermost and others take too.

    What others wrote cannot call a whole channel or hide a link: `&`, `<` and `>` are escaped
    (api.slack.com/reference/surfaces/formatting#escaping).
    """
    shown, more = alerts[:_MAX_SHOWN], len(alerts) - _MAX_SHOWN
    headline = alerts[0].subject if len(alerts) == 1 else f"{len(alerts)} alerts"
    text = f"crypto-assets: {headline}{f' ({more} not shown)' if more > 0 else ''}"
    return {
        "text": _escape_text(text),
        "attachments": [_build_attachment(alert) for alert in shown],
    }


def _build_attachment(alert: Alert) -> dict[str, Any]:
    said = asdict(alert)
    fields = [
        {"title": name, "value": _escape_text(said[name]), "short": name != "error"}
        for name in ("symbol", "partition", "error")
        if said[name]
    ]
    lines = [f"{name}: {said[name]}" for name in ("symbol", "partition", "error", "link")]
    return {
        "color": _RED,
        "title": _escape_text(alert.subject),
        "title_link": alert.link,
        "fields": fields,
        "fallback": _escape_text(f"{alert.subject}; {'; '.join(lines)}"),
    }


def _escape_text(text: str) -> str:
    """Cut first, so that no escape is cut in two."""
    return escape(text[:_MAX_TEXT_LENGTH], quote=False)
