"""The sensor of price alerts: from ingested candles to the webhook."""

from decimal import Decimal
from pathlib import Path

import dagster as dg
import orjson

from crypto_assets.defs.price_alerts import price_alerts_sensor
from crypto_assets.market.intervals import Interval
from crypto_assets.market.price_alerts import Comparison, PriceAlertRule
from crypto_assets.pipeline.alerting.webhook import Webhook
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.services.dagster_home import new_instance
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted


def test_an_alert_goes_to_the_webhook_once(
    tmp_path: Path, simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=NOON))
    rule = PriceAlertRule("BTCUSDT", Interval.H1, Comparison.ABOVE, Decimal(1))
    platform.warehouse.price_alerts.add_rule(rule, NOON - 10 * Interval.H1.ms, "tester")
    run_ingest(platform)
    reasons = []
    with scripted(in_turn(Answer())) as server:
        resources = {"platform": platform, "webhook": Webhook(server.url)}
        with new_instance(tmp_path) as instance:
            for _ in range(2):
                with dg.build_sensor_context(instance, resources=resources) as context:
                    reasons.append(price_alerts_sensor.evaluate_tick(context).skip_message)
        (request,) = server.requests
    assert reasons == ["BTCUSDT: close of 1h above 1", "no price alert has fired"]
    (attachment,) = orjson.loads(request.body)["attachments"]
    assert attachment["title"] == "BTCUSDT close of 1h above 1"
    assert attachment["title_link"].endswith("/analytics?symbol=BTCUSDT")
