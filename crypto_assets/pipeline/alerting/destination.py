"""The webhook that receives alerts: the one set in the app, else the environment's."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from crypto_assets.addresses import is_web_address
from crypto_assets.errors import AlertNotSent, WarehouseError, WrongUse
from crypto_assets.market.utc_time import now_ms
from crypto_assets.pipeline.alerting.delivery import UnsentAlert, deliver_alerts
from crypto_assets.pipeline.alerting.refused_hosts import refuse_host
from crypto_assets.pipeline.alerting.targets import AlertTarget
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.catalog.app_settings import AuthorOrName

_SETTING_NAME = "alert_webhook_url"
_TEST_ALERT = Alert(
    "This is a test", "No action is needed: crypto-assets sends its alerts here", is_notice=True
)


class AlertAddress:
    """Reads and changes the address of the webhook.

    The address is a secret: only `Webhook.display_address` may be shown, and the audit log masks
    it. All methods but `read_webhook_or_last` raise WarehouseError.
    """

    def __init__(self, warehouse: Warehouse, default: str | None) -> None:
        self._warehouse = warehouse
        self._default = default
        self._last_read = default

    @property
    def is_overridden(self) -> bool:
        """Whether a user has set an address, or has turned alerts off."""
        return self._read_override() is not None

    def read_webhook(self) -> Webhook:
        """Return the webhook in force."""
        chosen = self._read_override()
        self._last_read = self._default if chosen is None else chosen or None
        return Webhook(self._last_read)

    def read_webhook_or_last(self) -> Webhook:
        """Return the webhook in force, or the last one read while the warehouse fails.

        The failure of the warehouse must be reported too.
        """
        try:
            return self.read_webhook()
        except WarehouseError:
            return Webhook(self._last_read)

    def set_override(self, url: str, who: AuthorOrName) -> None:
        """Set the address; an empty one turns alerts off. Raises WrongUse."""
        self._warehouse.app_settings.put_value(
            _SETTING_NAME, validate_webhook_url(url) if url else "", who, secret=True
        )

    def remove_override(self, who: AuthorOrName) -> None:
        """Return to the environment's address."""
        self._warehouse.app_settings.reset_value(_SETTING_NAME, who, secret=True)

    def _read_override(self) -> str | None:
        value = self._warehouse.app_settings.get_value(_SETTING_NAME)
        return None if value is None else str(value)


def send_test_alert(targets: Sequence[AlertTarget]) -> None:
    """Send a test alert to all targets.

    Raises AlertNotSent, which names each target that refuses it, and WrongUse without targets.
    """
    if not targets:
        raise WrongUse("no target of alerts is set: set one before you send a test")
    test = UnsentAlert.to_targets(_TEST_ALERT, targets, now_ms())
    delivery = deliver_alerts(targets, [test])
    if delivery.unsent:
        raise AlertNotSent("; ".join(delivery.failures))


def validate_webhook_url(url: str) -> str:
    """Return the address without surrounding blanks.

    Raises WrongUse if it is no HTTP address, or a link-local or unspecified one.
    """
    address = url.strip()
    if not is_web_address(address):
        raise WrongUse("enter a full URL, such as https://hooks.slack.com/services/...")
    refuse_host(urlsplit(address).hostname or "", look_up=False)
    return address
