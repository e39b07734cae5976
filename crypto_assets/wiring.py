"""Opens exchange, lakes and warehouse as the settings choose them; no other module chooses."""

import atexit
from collections.abc import Callable
from dataclasses import fields
from functools import lru_cache
from threading import Lock

from pydantic import SecretStr

from crypto_assets.access import find_operator_token
from crypto_assets.errors import WrongUse
from crypto_assets.exchange import ExchangeMonitor, RequestRetryPolicy, open_exchange
from crypto_assets.lake import Lake, S3Options, WaitingLake, open_lake
from crypto_assets.market.staleness import ExchangeCondition
from crypto_assets.orchestrator import WEBSERVER_TIMEOUT_SECONDS, Orchestrator
from crypto_assets.pipeline.alerting.destination import AlertAddress
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.reports import Reports
from crypto_assets.retention_policy import RetentionPolicy
from crypto_assets.service_waiter import ServiceWaiter
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames
from crypto_assets.settings import Settings, get_settings
from crypto_assets.warehouse import Warehouse

# A database restart takes some seconds, a failover of a managed database up to half a minute.
_FAILOVER_SECONDS = 30.0
_HEARTBEAT_READ_SECONDS = 20
_market_contexts: dict[str, tuple[Settings, PipelineContext]] = {}
_market_lock = Lock()
# Connect and read timeouts, bounded because a person waits.
_CHECK_RETRY_POLICY = RequestRetryPolicy(
    attempts=1, max_budget_wait=4.0, connect_timeout=2.0, read_timeout=4.0
)


def open_pipeline_context(
    settings: Settings, failover_seconds: float = 0, market: str = ""
) -> PipelineContext:
    """Create the context of the pipeline. Connections are opened on first use.

    `failover_seconds` is Warehouse's: 0 if a user waits for the response. `market` is the name of a
    further market, to which the settings belong.
    """
    waiter, names = ServiceWaiter(), SettingNames.for_market(market)
    raw = _open_waiting_lake(settings, settings.lake_raw_url, waiter, names)
    archive = _open_waiting_lake(settings, settings.lake_archive_url, waiter, names)
    if raw.bucket == archive.bucket:
        # The manifest identifies a lake by this name.
        raise WrongUse(
            f"{names.lake_raw_url} and {names.lake_archive_url} both end in {raw.bucket}: "
            "use different names"
        )
    return PipelineContext(
        exchange=open_exchange(
            settings.exchange_url, settings.archive_url, waiter=waiter, names=names
        ),
        raw_lake=raw,
        archive_lake=archive,
        # The pipeline reads from the primary, since a replica may lag.
        warehouse=Warehouse(
            settings.warehouse_url.get_secret_value(),
            failover_seconds=failover_seconds,
            waiter=waiter,
            names=names,
            options=settings.warehouse_options.get_secret_value(),
        ),
        settle_ms=round(settings.settle_seconds * 1000),
        order_book_levels=settings.order_book_levels,
        default_ingest_minutes=settings.ingest_interval_minutes,
        default_order_book_minutes=settings.order_book_interval_minutes,
        partition_unit=settings.partition_unit,
        retention_policy=RetentionPolicy(
            **{field.name: getattr(settings, field.name) for field in fields(RetentionPolicy)}
        ),
        waiter=waiter,
        market=market,
    )


def open_alert_destination(settings: Settings, warehouse: Warehouse) -> AlertAddress:
    """Create the destination of alerts: the webhook of the app's settings or the environment."""
    return AlertAddress(warehouse, _reveal_secret(settings.alert_webhook_url))


def open_lake_at(settings: Settings, url: str, names: SettingNames = DEFAULT_NAMES) -> Lake:
    """Open a directory or bucket with the S3 options of the settings. Raises WrongUse."""
    options = S3Options(
        endpoint_url=settings.s3_endpoint_url,
        access_key_id=_reveal_secret(settings.s3_access_key_id),
        secret_access_key=_reveal_secret(settings.s3_secret_access_key),
        region=settings.s3_region,
        session_token=_reveal_secret(settings.s3_session_token),
        profile=settings.s3_profile,
        addressing_style=settings.s3_addressing_style,
    )
    return open_lake(url, options, names)


def open_orchestrator(
    settings: Settings, timeout_seconds: tuple[float, float] = WEBSERVER_TIMEOUT_SECONDS
) -> Orchestrator:
    """Create the client of Dagster's webserver, with the operator's token."""
    return Orchestrator(settings.dagster_url, timeout_seconds, find_operator_token(settings))


def open_exchange_monitor(settings: Settings) -> ExchangeMonitor:
    """Open a monitor of the exchange. Sends no request yet."""
    exchange = open_exchange(settings.exchange_url, settings.archive_url, _CHECK_RETRY_POLICY)
    return ExchangeMonitor(exchange.rest)


def open_reports(
    settings: Settings, read_exchange: Callable[[], ExchangeCondition] = ExchangeCondition
) -> Reports:
    """Open the reports that pages, routes and commands read. Reads nothing yet."""
    return _build_reports(open_warehouse(settings), settings, read_exchange)


def open_ready_reports(
    settings: Settings, read_exchange: Callable[[], ExchangeCondition] = ExchangeCondition
) -> Reports:
    """Open the reports. Raises WarehouseNotReady if the warehouse has no tables yet."""
    warehouse = open_warehouse(settings)
    warehouse.require_ready()
    return _build_reports(warehouse, settings, read_exchange)


def open_warehouse(settings: Settings) -> Warehouse:
    """Open the warehouse for reading, from the replica if the settings have one."""
    return Warehouse(
        settings.warehouse_url.get_secret_value(),
        settings.warehouse_read_url.get_secret_value(),
        options=settings.warehouse_options.get_secret_value(),
    )


def open_heartbeat_warehouse(settings: Settings) -> Warehouse:
    """Open the warehouse's primary with connections of its own, for the thread of a heartbeat.

    A server that has vanished without closing its connections must not hold the thread for minutes.
    """
    url = settings.warehouse_url.get_secret_value()
    options = settings.warehouse_options.get_secret_value()
    if "read_timeout" not in f"{url} {options}":
        options = "&".join(filter(None, (options, f"read_timeout={_HEARTBEAT_READ_SECONDS}")))
    return Warehouse(url, options=options)


@lru_cache(maxsize=1)
def open_shared_context() -> PipelineContext:
    """Return the process's context, which threads share, for runs and commands.

    It waits for a failover of the warehouse to end.
    """
    return open_pipeline_context(get_settings(), _FAILOVER_SECONDS)


def open_market_context(market: str, settings: Settings) -> PipelineContext:
    """Return the process's context of a further market, which threads share.

    A context with other settings of the same market is closed.
    """
    with _market_lock:
        former = _market_contexts.get(market)
        if former and former[0] == settings:
            return former[1]
        opened = open_pipeline_context(settings, _FAILOVER_SECONDS, market)
        _market_contexts[market] = settings, opened
    if former:
        former[1].close()
    return opened


def close_shared_contexts() -> None:
    """Close the connections of the process's contexts; the next use opens new ones."""
    if open_shared_context.cache_info().currsize:
        open_shared_context().close()
    with _market_lock:
        for _, context in _market_contexts.values():
            context.close()


# Without it, a server would count each run's connections as aborted.
atexit.register(close_shared_contexts)


@lru_cache(maxsize=1)
def open_shared_alert_destination() -> AlertAddress:
    """Return the process's alert destination, which caches the last webhook."""
    return open_alert_destination(get_settings(), open_shared_context().warehouse)


def _open_waiting_lake(
    settings: Settings, url: str, waiter: ServiceWaiter, names: SettingNames
) -> Lake:
    """Open a lake that waits for its server; a directory has none."""
    lake = open_lake_at(settings, url, names)
    return WaitingLake(lake, waiter) if lake.url.startswith("s3://") else lake


def _build_reports(
    warehouse: Warehouse, settings: Settings, read_exchange: Callable[[], ExchangeCondition]
) -> Reports:
    return Reports(
        warehouse,
        default_ingest_minutes=settings.ingest_interval_minutes,
        read_exchange=read_exchange,
    )


def _reveal_secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
