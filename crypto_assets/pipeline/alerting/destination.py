"""Where alerts go: the webhook that users set in the app, else the one of the environment."""

from crypto_assets.addresses import is_web_address
from crypto_assets.errors import WarehouseError, WrongUse
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets.warehouse import Warehouse

_SETTING_NAME = "alert_webhook_url"
_TEST_ALERT = Alert("This is a test", "nothing is wrong: alerts of crypto-assets arrive here")


class AlertAddress:
    """The address is a secret: a Webhook's `place` may be shown, the change log has none of it.

    All but `webhook` raise WarehouseError.
    """

    def __init__(self, warehouse: Warehouse, default: str | None) -> None:
        self._warehouse = warehouse
        self._default = default
        self._last_read = default

    @property
    def is_overridden(self) -> bool:
        """Whether a user has set it, be it to none at all."""
        return self._read_override() is not None

    def read_webhook(self) -> Webhook:
        """In force now."""
        chosen = self._read_override()
        self._last_read = self._default if chosen is None else chosen or None
        return Webhook(self._last_read)

    def read_webhook_or_last(self) -> Webhook:
        """As `read`; while the warehouse fails, the last one read: its failure must be told too."""
        try:
            return self.read_webhook()
        except WarehouseError:
            return Webhook(self._last_read)

    def set_override(self, url: str, who: str) -> None:
        """From the next alert on; an empty address means that none is sent. Raises WrongUse."""
        self._warehouse.app_settings.put_value(
            _SETTING_NAME, validate_webhook_url(url) if url else "", who, secret=True
        )

    def remove_override(self, who: str) -> None:
        """What the environment says counts again."""
        self._warehouse.app_settings.reset_value(_SETTING_NAME, who, secret=True)

    def _read_override(self) -> str | None:
        value = self._warehouse.app_settings.get_value(_SETTING_NAME)
        return None if value is None else str(value)


def send_test_alert(webhook: Webhook) -> None:
    """One harmless message. Raises AlertNotSent, WrongUse where there is no address."""
    if not webhook.url:
        raise WrongUse("there is no address to send a test to: set one first")
    webhook.send_alerts([_TEST_ALERT])


def validate_webhook_url(url: str) -> str:
    """The address without blanks around it. Raises WrongUse where nothing can be posted to it."""
    given = url.strip()
    if not is_web_address(given):
        raise WrongUse("that is no web address: it begins with https:// and names a host")
    return given
