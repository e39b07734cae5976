"""What people are told of: failed runs, and symbols that have fallen silent."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from crypto_assets.dagster_ext.run_failures import bad_partitions
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import MINUTE_MS, now_ms
from crypto_assets.pipeline.alerting.deduplication import AlertMemory
from crypto_assets.pipeline.alerting.stale_symbols import Silent, silent_symbols
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets.pipeline.context import Platform
from crypto_assets.settings import get_settings

_LOOK_BACK = timedelta(hours=24)
_RUNS_AT_MOST = 500
# A run that is tried again fails for good only with its last try. Dagster notes whether it is after
# the failure itself, in a transaction of its own; its daemon does where the run's process died.
_WILL_RETRY = "dagster/will_retry"
_UNDECIDED_AT_MOST_MS = 2 * MINUTE_MS
# After a start the first tick needs its time; a look is old after a stop of the daemon.
_SILENT_FOR_MS = 3 * MINUTE_MS
_LOOK_IS_OLD_MS = 5 * MINUTE_MS


@dataclass(frozen=True)
class _Cursor:
    """What a sensor remembers: what was said, what it has seen (epoch ms), its last look."""

    memory: AlertMemory = field(default_factory=AlertMemory)
    seen: dict[str, int] = field(default_factory=dict)
    looked_at: int | None = None

    @classmethod
    def read(cls, text: str | None) -> "_Cursor":
        if not text:
            return cls()
        held: dict[str, Any] = json.loads(text)
        said = {identity: (last, times) for identity, (last, times) in held["said"].items()}
        return cls(AlertMemory(said), held["seen"], held["looked_at"])

    def text(self) -> str:
        held = {"said": self.memory.said, "seen": self.seen, "looked_at": self.looked_at}
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
    cursor, now = _Cursor.read(context.cursor), now_ms()
    runs = _failed_runs(context.instance, now)
    fresh = [run for run in runs if run.run_id not in cursor.seen]
    seen = {run.run_id: now for run in runs}
    alerts = [] if cursor.looked_at is None else _of_runs(context.instance, fresh)
    return _tell(webhook, alerts, cursor, seen, now)


@dg.sensor(
    name="stale_symbols",
    target=None,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A tracked symbol of which no new candle comes is told to the webhook.",
)
def stale_symbols_sensor(
    context: dg.SensorEvaluationContext,
    platform: dg.ResourceParam[Platform],
    webhook: dg.ResourceParam[Webhook],
) -> dg.SensorResult | dg.SkipReason:
    """One silent symbol among twenty is noticed, once it has been silent for three minutes here."""
    cursor, now = _Cursor.read(context.cursor), now_ms()
    try:
        silent = silent_symbols(platform)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    known = cursor.seen if now - (cursor.looked_at or 0) < _LOOK_IS_OLD_MS else {}
    seen = {one.symbol: known.get(one.symbol, now) for one in silent}
    lasting = [one for one in silent if now - seen[one.symbol] >= _SILENT_FOR_MS]
    return _tell(webhook, [_of_symbol(one) for one in lasting], cursor, seen, now)


def _tell(
    webhook: Webhook, alerts: Sequence[Alert], cursor: _Cursor, seen: dict[str, int], now: int
) -> dg.SensorResult | dg.SkipReason:
    """Send what is news; what could not be sent is tried again at the next look."""
    fresh, memory = cursor.memory.sift(alerts, now)
    try:
        webhook.send(fresh)
    except CryptoAssetsError as error:
        return dg.SkipReason(str(error))
    told = "; ".join(f"{alert.subject}: {alert.error}" for alert in fresh)
    if fresh and not webhook.url:
        told = f"no CRYPTO_ALERT_WEBHOOK_URL is set, else it would be told: {told}"
    cursor_text = _Cursor(memory, seen, now).text()
    known = f", {len(alerts)} told before" if alerts else ""
    reason = dg.SkipReason(told or f"nothing new to tell{known}")
    return dg.SensorResult(skip_reason=reason, cursor=cursor_text)


def _failed_runs(instance: dg.DagsterInstance, now: int) -> list[dg.DagsterRun]:
    """Failed for good; a run that is left out because it may be tried again is looked at again."""
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE],
            updated_after=datetime.now(UTC) - _LOOK_BACK,
        ),
        limit=_RUNS_AT_MOST,
    )
    return [record.dagster_run for record in records if _is_final(instance, record, now)]


def _is_final(instance: dg.DagsterInstance, record: dg.RunRecord, now: int) -> bool:
    tag = record.dagster_run.tags.get(_WILL_RETRY)
    if tag is None and instance.run_retries_enabled:
        return now - (record.end_time or 0) * 1000 > _UNDECIDED_AT_MOST_MS
    return tag != "true"


def _of_runs(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun]) -> list[Alert]:
    base = get_settings().dagster_link_url
    return [
        Alert(f"{run.job_name} failed", reason, symbol, partition, f"{base}/runs/{run.run_id}")
        for run in runs
        for symbol, partition, reason in bad_partitions(instance, run)
    ]


def _of_symbol(silent: Silent) -> Alert:
    return silent.alert(f"{get_settings().dagster_link_url}/assets/fact_klines")
