"""The sensor that evaluates price alerts and delivers those that fired."""

import dagster as dg

from crypto_assets.defs.markets import DEFAULT_MARKET, WEBHOOK_RESOURCE_KEY
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.price_alerts import ClosedValue, PriceAlertRule
from crypto_assets.market.utc_time import Window
from crypto_assets.pipeline.alerting.price_alerts import (
    check_fired_alerts,
    deliver_price_alerts,
    evaluate_price_alerts,
)
from crypto_assets.pipeline.alerting.targets import list_targets
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets.reports.rule_values import read_rule_values
from crypto_assets.settings import get_settings


@dg.sensor(
    name="price_alerts",
    target=None,
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Evaluates the price alerts on candles that have closed, and sends those that "
    "fired. Each fires once per candle, also after a restart.",
    required_resource_keys={DEFAULT_MARKET.resource_key, WEBHOOK_RESOURCE_KEY},
)
def price_alerts_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Evaluate the rules, compare recent events with revised candles, and send what is unsent."""
    warehouse = DEFAULT_MARKET.get_platform(context).warehouse
    webhook: Webhook = getattr(context.resources, WEBHOOK_RESOURCE_KEY)
    settings = get_settings()

    def read_values(rule: PriceAlertRule, window: Window) -> list[ClosedValue]:
        return read_rule_values(warehouse, rule, window)

    def build_link(symbol: str) -> str:
        return f"{settings.app_link_url}/analytics?symbol={symbol}"

    try:
        fired = evaluate_price_alerts(warehouse, read_values)
        targets = list_targets(webhook, settings.alert_urls.get_secret_value())
        failures = deliver_price_alerts(warehouse, targets, build_link)
        # Last: it may take longer than the others together.
        undone = [f"undone: {event}" for event in check_fired_alerts(warehouse, read_values)]
        if undone:
            failures += deliver_price_alerts(warehouse, targets, build_link)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    return dg.SkipReason("; ".join([*fired, *undone, *failures]) or "no price alert has fired")
