"""Opens exchange, lakes and warehouse as the settings choose them; no other module chooses."""

from dataclasses import fields
from functools import lru_cache

from pydantic import SecretStr

from crypto_assets.errors import WrongUse
from crypto_assets.exchange import open_exchange
from crypto_assets.lake import Lake, S3Options, open_lake
from crypto_assets.pipeline.alerting.destination import AlertAddress
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.reports import Reports
from crypto_assets.retention_policy import RetentionPolicy
from crypto_assets.settings import Settings, get_settings
from crypto_assets.warehouse import Warehouse

# A database restart takes some seconds, a failover of a managed database up to half a minute.
_FAILOVER_SECONDS = 30.0


def open_pipeline_context(settings: Settings, failover_seconds: float = 0) -> PipelineContext:
    """Create the context of the pipeline. Connections are opened on first use.

    `failover_seconds` is Warehouse's: 0 if a user waits for the response.
    """
    raw = open_lake_at(settings, settings.lake_raw_url)
    archive = open_lake_at(settings, settings.lake_archive_url)
    if raw.bucket == archive.bucket:
        # The manifest identifies a lake by this name.
        raise WrongUse(
            f"CRYPTO_LAKE_RAW_URL and CRYPTO_LAKE_ARCHIVE_URL both end in {raw.bucket}: "
            "use different names"
        )
    return PipelineContext(
        exchange=open_exchange(settings.exchange_url, settings.archive_url),
        raw_lake=raw,
        archive_lake=archive,
        # The pipeline reads from the primary, since a replica may lag.
        warehouse=Warehouse(
            settings.warehouse_url.get_secret_value(),
            failover_seconds=failover_seconds,
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
    )


def open_alert_destination(settings: Settings, warehouse: Warehouse) -> AlertAddress:
    """Create the destination of alerts: the webhook of the app's settings or the environment."""
    return AlertAddress(warehouse, _reveal_secret(settings.alert_webhook_url))


def open_lake_at(settings: Settings, url: str) -> Lake:
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
    return open_lake(url, options)


def open_reports(settings: Settings) -> Reports:
    """Open the reports that pages, routes and commands read. Reads nothing yet."""
    return _build_reports(open_warehouse(settings), settings)


def open_ready_reports(settings: Settings) -> Reports:
    """Open the reports. Raises WarehouseNotReady if the warehouse has no tables yet."""
    warehouse = open_warehouse(settings)
    warehouse.require_ready()
    return _build_reports(warehouse, settings)


def open_warehouse(settings: Settings) -> Warehouse:
    """Open the warehouse for reading, from the replica if the settings have one."""
    return Warehouse(
        settings.warehouse_url.get_secret_value(),
        settings.warehouse_read_url.get_secret_value(),
        options=settings.warehouse_options.get_secret_value(),
    )


@lru_cache(maxsize=1)
def open_shared_context() -> PipelineContext:
    """Return the process's context, which threads share, for runs and commands.

    It waits for a failover of the warehouse to end.
    """
    return open_pipeline_context(get_settings(), _FAILOVER_SECONDS)


@lru_cache(maxsize=16)
def open_market_context(settings: Settings) -> PipelineContext:
    """Return the process's context of a further market, as `open_shared_context` for its own."""
    return open_pipeline_context(settings, _FAILOVER_SECONDS)


@lru_cache(maxsize=1)
def open_shared_alert_destination() -> AlertAddress:
    """Return the process's alert destination, which caches the last webhook."""
    return open_alert_destination(get_settings(), open_shared_context().warehouse)


def _build_reports(warehouse: Warehouse, settings: Settings) -> Reports:
    return Reports(warehouse, default_ingest_minutes=settings.ingest_interval_minutes)


def _reveal_secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
