"""Sensors that send alerts about failed runs and stale symbols."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import dagster as dg

from crypto_assets.dagster_ext.run_failures import list_failed_partitions
from crypto_assets.defs.markets import DEFAULT_MARKET, WEBHOOK_RESOURCE_KEY, MarketSpec
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.exchange import probe_exchange
from crypto_assets.market.utc_time import MINUTE_MS, now_ms
from crypto_assets.orchestrator.recent_runs import describe_run_target
from crypto_assets.pipeline.alerting.alert_repetition import AlertHistory
from crypto_assets.pipeline.alerting.delivery import (
    DELIVERY_SECONDS,
    UnsentAlert,
    deliver_alerts,
)
from crypto_assets.pipeline.alerting.exchange_outage import ReportedOutage
from crypto_assets.pipeline.alerting.stale_symbols import (
    build_stale_symbol_alert,
    find_stale_symbols,
)
from crypto_assets.pipeline.alerting.targets import list_targets
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import StaleSymbol

_FAILED_RUN_WINDOW = timedelta(hours=24)
_MAX_FAILED_RUNS = 500
# Whether Dagster retries a failed run, of which only the last attempt is reported. Dagster adds the
# tag in a second transaction after the failure, or from its daemon if the run's process died.
_WILL_RETRY_TAG = "dagster/will_retry"
_RETRY_DECISION_TIMEOUT_MS = 2 * MINUTE_MS
# Time for the first tick after a start, and the age at which a cursor is from before a restart.
_STALE_ALERT_DELAY_MS = 3 * MINUTE_MS
_CURSOR_EXPIRY_MS = 5 * MINUTE_MS
# The newest ones: Dagster stores the cursor with each tick.
_MAX_UNSENT = 100


@dataclass(frozen=True)
class _AlertCursor:
    """A sensor's state: alerts sent, what it observed and when, its last evaluation (epoch ms).

    `unsent` are alerts that a target has refused. Its JSON fields are `said`, `seen` and
    `looked_at`, as in stored cursors of earlier versions, and `outage` and `unsent`, which those do
    not have.
    """

    history: AlertHistory = field(default_factory=AlertHistory)
    observed: dict[str, int] = field(default_factory=dict)
    evaluated_at: int | None = None
    outage: ReportedOutage = field(default_factory=ReportedOutage)
    unsent: tuple[UnsentAlert, ...] = ()

    @classmethod
    def from_json(cls, text: str | None) -> Self:
        if not text:
            return cls()
        state: dict[str, Any] = json.loads(text)
        sent = {identity: (last, times) for identity, (last, times) in state["said"].items()}
        outage = ReportedOutage.from_cursor(state.get("outage"))
        unsent = tuple(map(UnsentAlert.from_json, state.get("unsent", ())))
        return cls(AlertHistory(sent), state["seen"], state["looked_at"], outage, unsent)

    def to_json(self) -> str:
        state = {
            "said": self.history.sent,
            "seen": self.observed,
            "looked_at": self.evaluated_at,
            "outage": asdict(self.outage),
            "unsent": [item.to_json() for item in self.unsent],
        }
        return json.dumps(state, separators=(",", ":"))


@dg.sensor(
    name="run_failures",
    target=None,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends an alert about each failed run; the same failure is sent again at growing "
    "intervals.",
)
def run_failures_sensor(
    context: dg.SensorEvaluationContext, webhook: dg.ResourceParam[Webhook]
) -> dg.SensorResult:
    """Send alerts about new failed runs; the first evaluation only records the existing ones."""
    cursor, now = _AlertCursor.from_json(context.cursor), now_ms()
    runs = _list_failed_runs(context.instance, now)
    new_runs = [run for run in runs if run.run_id not in cursor.observed]
    observed = {run.run_id: now for run in runs}
    alerts = [] if cursor.evaluated_at is None else _build_run_alerts(context.instance, new_runs)
    return _send_alerts(webhook, alerts, replace(cursor, observed=observed), now)


def build_stale_symbols_sensor(market: MarketSpec) -> dg.SensorDefinition:
    """Build the sensor that reports a market's stale symbols."""

    @dg.sensor(
        name=market.prefix_name("stale_symbols"),
        target=None,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends an alert about each tracked symbol that gets no new candles, and about "
        "an exchange that does not respond.",
        required_resource_keys={market.resource_key, WEBHOOK_RESOURCE_KEY},
    )
    def stale_symbols_sensor(
        context: dg.SensorEvaluationContext,
    ) -> dg.SensorResult | dg.SkipReason:
        """Send alerts about symbols that this sensor has observed as stale for three minutes.

        Also one about an exchange that has not responded to three evaluations in a row, as ticks
        in these minutes, and one when it responds again.
        """
        cursor, now = _AlertCursor.from_json(context.cursor), now_ms()
        platform = market.get_platform(context)
        probe = probe_exchange(platform.exchange.rest)
        outage, outage_alerts = cursor.outage.evaluate_probe(probe)
        webhook: Webhook = getattr(context.resources, WEBHOOK_RESOURCE_KEY)
        named = [_add_market_name(market, alert) for alert in outage_alerts]
        try:
            stale = find_stale_symbols(platform, outage.describe_exchange(probe))
        except CryptoAssetsError as error:
            # A machine without a network reaches neither; the exchange's outage counts too.
            unchanged = replace(cursor, outage=outage)
            return _send_alerts(webhook, [], unchanged, now, undamped=named, problem=str(error))
        known = cursor.observed if now - (cursor.evaluated_at or 0) < _CURSOR_EXPIRY_MS else {}
        observed = {item.symbol: known.get(item.symbol, now) for item in stale}
        alerts = [
            _build_symbol_alert(market, item)
            for item in stale
            if now - observed[item.symbol] >= _STALE_ALERT_DELAY_MS
        ]
        known_now = replace(cursor, outage=outage, observed=observed)
        return _send_alerts(webhook, alerts, known_now, now, undamped=named)

    return stale_symbols_sensor


def _send_alerts(
    webhook: Webhook,
    alerts: Sequence[Alert],
    cursor: _AlertCursor,
    now: int,
    undamped: Sequence[Alert] = (),
    problem: str = "",
) -> dg.SensorResult:
    """Send the alerts that are due, and those that a target has refused before.

    `problem` says why nothing could be evaluated. `undamped` alerts are sent in any case. Targets
    that refuse one get it from later evaluations, for a day; the others do not get it again.
    """
    due, history = cursor.history.select_due_alerts(alerts, now)
    due = [*undamped, *due]
    targets = list_targets(webhook, get_settings().alert_urls.get_secret_value())
    waiting = [
        *(item for item in cursor.unsent if not item.is_given_up(now)),
        *(UnsentAlert.to_targets(alert, targets, now) for alert in due),
    ]
    delivery = deliver_alerts(targets, waiting, time.monotonic() + DELIVERY_SECONDS)
    given_up = [
        f"not sent to {', '.join(sorted(item.missing))} within a day: {item.alert.subject}"
        for item in cursor.unsent
        if item.is_given_up(now)
    ]
    sent = [f"{alert.subject}: {alert.error}" for alert in due]
    dropped = len(delivery.unsent) - _MAX_UNSENT
    too_many = [f"{dropped} unsent alerts dropped, the oldest"] if dropped > 0 else []
    message = "; ".join(filter(None, [problem, *sent, *delivery.failures, *given_up, *too_many]))
    if due and not targets:
        message = f"not sent, because no target of alerts is set: {message}"
    already_sent = f", {len(alerts)} sent before" if alerts else ""
    after = replace(
        cursor,
        history=history,
        evaluated_at=cursor.evaluated_at if problem else now,
        unsent=delivery.unsent[-_MAX_UNSENT:],
    )
    return dg.SensorResult(
        skip_reason=dg.SkipReason(message or f"no new alerts{already_sent}"),
        cursor=after.to_json(),
    )


def _list_failed_runs(instance: dg.DagsterInstance, now: int) -> list[dg.DagsterRun]:
    """List recent runs that failed and are not retried."""
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE],
            updated_after=datetime.now(UTC) - _FAILED_RUN_WINDOW,
        ),
        limit=_MAX_FAILED_RUNS,
    )
    return [record.dagster_run for record in records if _is_final_failure(instance, record, now)]


def _is_final_failure(instance: dg.DagsterInstance, record: dg.RunRecord, now: int) -> bool:
    tag = record.dagster_run.tags.get(_WILL_RETRY_TAG)
    if tag is None and instance.run_retries_enabled:
        return now - (record.end_time or 0) * 1000 > _RETRY_DECISION_TIMEOUT_MS
    return tag != "true"


def _build_run_alerts(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> list[Alert]:
    base = get_settings().dagster_link_url
    return [
        Alert(
            f"{_describe_target(run)} failed",
            reason,
            symbol,
            partition,
            f"{base}/runs/{run.run_id}",
        )
        for run in runs
        for symbol, partition, reason in list_failed_partitions(instance, run)
    ]


def _describe_target(run: dg.DagsterRun) -> str:
    assets = [key.to_user_string() for key in run.asset_selection or ()]
    return describe_run_target(run.job_name, assets)


def _build_symbol_alert(market: MarketSpec, stale: StaleSymbol) -> Alert:
    asset = market.asset_key(KlinesStage.FACTS).to_user_string()
    link = f"{market.settings.dagster_link_url}/assets/{asset}"
    return _add_market_name(market, build_stale_symbol_alert(stale, link))


def _add_market_name(market: MarketSpec, alert: Alert) -> Alert:
    return alert if market.is_default else replace(alert, subject=f"{market.name}: {alert.subject}")


stale_symbols_sensor = build_stale_symbols_sensor(DEFAULT_MARKET)
