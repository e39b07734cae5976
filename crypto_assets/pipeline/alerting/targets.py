"""The targets of alerts: the webhook, and addresses in the format of Apprise."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from crypto_assets.errors import AlertNotSent, AlertRejected
from crypto_assets.foreign_text import shorten_text
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook

if TYPE_CHECKING:
    from apprise import Apprise

_FIX_HINT = "see CRYPTO_ALERT_URLS, and the log of this process for the reason"


class AlertTarget(Protocol):
    """A receiver of alerts. `name` identifies it in the log of alerts, and is no secret."""

    @property
    def name(self) -> str: ...

    @property
    def max_alerts(self) -> int:
        """How many alerts are one message, which arrives as a whole or not at all."""
        ...

    def send_alerts(self, alerts: Sequence[Alert]) -> None:
        """Send at most `max_alerts`, or nothing. Raises AlertNotSent, which never shows a secret.

        Raises AlertRejected where other alerts may be accepted.
        """


@dataclass(frozen=True)
class AppriseTarget:
    """An e-mail address, a chat or another service, by its Apprise URL, which is a secret.

    Source: https://github.com/caronc/apprise/wiki
    """

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """The service and eight letters that tell several of one service apart."""
        digest = hashlib.blake2b(self.url.encode(), digest_size=4).hexdigest()
        return f"{self._scheme}-{digest}"

    @property
    def max_alerts(self) -> int:
        return 1

    def send_alerts(self, alerts: Sequence[Alert]) -> None:
        """Send each alert as a message of its own. Raises AlertNotSent."""
        notifier = _create_notifier(self.url)
        for alert in alerts:
            lines = (alert.error, alert.partition and f"partition: {alert.partition}", alert.link)
            is_sent = notifier.notify(
                title=shorten_text(alert.subject),
                body="\n".join(filter(None, lines)),
                notify_type="info" if alert.is_notice else "failure",
                body_format="text",
            )
            if not is_sent:
                # Apprise does not say whether the service has rejected it or does not respond.
                raise AlertRejected(f"the alert target {self.name} does not accept it: {_FIX_HINT}")

    @property
    def _scheme(self) -> str:
        return self.url.partition("://")[0].lower()


def parse_alert_urls(text: str) -> tuple[AppriseTarget, ...]:
    """Return the targets of Apprise URLs, which are separated by blanks.

    A URL that Apprise does not know fails when an alert is sent, and stops no other target.
    """
    return tuple(map(AppriseTarget, text.split()))


def list_targets(webhook: Webhook, alert_urls: str) -> tuple[AlertTarget, ...]:
    """Return the webhook, if one is set, and the targets of CRYPTO_ALERT_URLS."""
    return (*((webhook,) if webhook.url else ()), *parse_alert_urls(alert_urls))


def _create_notifier(url: str) -> "Apprise":
    # Imported only where an address is used: it takes a quarter of a second.
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset(
        app_id="crypto-assets",
        app_desc="crypto-assets",
        app_url="",
        # Threads of its own would outlive the sensor's evaluation.
        async_mode=False,
        secure_logging=True,
    )
    notifier = Apprise(asset=asset)
    if not notifier.add(url):
        scheme, has_scheme, _ = url.partition("://")
        shown = f"({shorten_text(scheme, 20)}://…) " if has_scheme else ""
        raise AlertNotSent(
            f"CRYPTO_ALERT_URLS contains a URL {shown}that Apprise does not accept: "
            "compare it with https://github.com/caronc/apprise/wiki"
        )
    return notifier
