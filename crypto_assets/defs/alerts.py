"""What people are told of: failed runs, and symbols that have fallen silent."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.run_failures import list_failed_partitions
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import MINUTE_MS, now_ms
from crypto_assets.pipeline.alerting.deduplication import AlertHistory
from crypto_assets.pipeline.alerting.stale_symbols import (
    build_stale_symbol_alert,
    find_stale_symbols,
)
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.settings import get_settings
from crypto_assets.warehouse import StaleSymbol

_FAILED_RUN_WINDOW = timedelta(hours=24)
_MAX_FAILED_RUNS = 500
# A run that is tried again fails for good only with its last try. Dagster notes whether it is after
# the failure itself, in a transaction of its own; its daemon does where the run's process died.
_WILL_RETRY_TAG = "dagster/will_retry"
_RETRY_DECISION_TIMEOUT_MS = 2 * MINUTE_MS
# After a start the first tick needs its time; a look is old after a stop of the daemon.
_STALE_ALERT_DELAY_MS = 3 * MINUTE_MS
_CURSOR_EXPIRY_MS = 5 * MINUTE_MS


@dataclass(frozen=True)
class _AlertCursor:
    """What a sensor remembers: what was said, what it has seen (epoch ms), its last look."""

    history: AlertHistory = field(default_factory=AlertHistory)
    observed: dict[str, int] = field(default_factory=dict)
    evaluated_at: int | None = None

    @classmethod
    def from_json(cls, text: str | None) -> "_AlertCursor":
        if not text:
            return cls()
        held: dict[str, Any] = json.loads(text)
        said = {identity: (last, times) for identity, (last, times) in held["said"].items()}
        return cls(AlertHistory(said), held["seen"], held["looked_at"])

    def to_json(self) -> str:
        held = {"said": self.history.sent, "seen": self.observed, "looked_at": self.evaluated_at}
        return json.dumps(held, separators=(",", ":"))


@dg.sensor(
    name="run_failures",
    target=None,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A failed run is told to the webhook of the settings; the same failure not again.",
)
def run_failures_sensor(
    context: dg.SensorEvaluationContext, webhook: dg.ResourceParam[Webhook]
) -> dg.SensorResult | dg.SkipReason:
    """The first look only takes note: what failed before anybody listened is no news."""
    cursor, now = _AlertCursor.from_json(context.cursor), now_ms()
    runs = _list_failed_runs(context.instance, now)
    fresh = [run for run in runs if run.run_id not in cursor.observed]
    seen = {run.run_id: now for run in runs}
    alerts = [] if cursor.evaluated_at is None else _build_run_alerts(context.instance, fresh)
    return _send_alerts(webhook, alerts, cursor, seen, now)


@dg.sensor(
    name="stale_symbols",
    target=None,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A tracked symbol of which no new candle comes is told to the webhook.",
)
def stale_symbols_sensor(
    context: dg.SensorEvaluationContext,
    platform: dg.ResourceParam[PipelineContext],
    webhook: dg.ResourceParam[Webhook],
) -> dg.SensorResult | dg.SkipReason:
    """One silent symbol among twenty is noticed, once it has been silent for three minutes here."""
    cursor, now = _AlertCursor.from_json(context.cursor), now_ms()
    try:
        silent = find_stale_symbols(platform)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    known = cursor.observed if now - (cursor.evaluated_at or 0) < _CURSOR_EXPIRY_MS else {}
    seen = {one.symbol: known.get(one.symbol, now) for one in silent}
    lasting = [one for one in silent if now - seen[one.symbol] >= _STALE_ALERT_DELAY_MS]
    return _send_alerts(webhook, [_build_symbol_alert(one) for one in lasting], cursor, seen, now)


def _send_alerts(
    webhook: Webhook, alerts: Sequence[Alert], cursor: _AlertCursor, seen: dict[str, int], now: int
) -> dg.SensorResult | dg.SkipReason:
    """Send what is news; what could not be sent is tried again at the next look."""
    fresh, memory = cursor.history.select_due_alerts(alerts, now)
    try:
        webhook.send_alerts(fresh)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    told = "; ".join(f"{alert.subject}: {alert.error}" for alert in fresh)
    if fresh and not webhook.url:
        told = f"no CRYPTO_ALERT_WEBHOOK_URL is set, else it would be told: {told}"
    cursor_text = _AlertCursor(memory, seen, now).to_json()
    known = f", {len(alerts)} told before" if alerts else ""
    reason = dg.SkipReason(told or f"nothing new to tell{known}")
    return dg.SensorResult(skip_reason=reason, cursor=cursor_text)


def _list_failed_runs(instance: dg.DagsterInstance, now: int) -> list[dg.DagsterRun]:
    """Failed for good; a run that is left out because it may be tried again is looked at again."""
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
        Alert(f"{run.job_name} failed", reason, symbol, partition, f"{base}/runs/{run.run_id}")
        for run in runs
        for symbol, partition, reason in list_failed_partitions(instance, run)
    ]


def _build_symbol_alert(silent: StaleSymbol) -> Alert:
    return build_stale_symbol_alert(silent, f"{get_settings().dagster_link_url}/assets/fact_klines")
