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


def open_pipeline_context(chosen: Settings, failover_seconds: float = 0) -> PipelineContext:
    """Create the context of the pipeline. Connections are opened on first use.

    `failover_seconds` is Warehouse's: 0 if a user waits for the response.
    """
    raw = _open_lake(chosen, chosen.lake_raw_url)
    archive = _open_lake(chosen, chosen.lake_archive_url)
    if raw.bucket == archive.bucket:
        # The manifest identifies a lake by this name.
        raise WrongUse(
            f"CRYPTO_LAKE_RAW_URL and CRYPTO_LAKE_ARCHIVE_URL both end in {raw.bucket}: "
            "use different names"
        )
    return PipelineContext(
        exchange=open_exchange(chosen.exchange_url, chosen.archive_url),
        raw_lake=raw,
        archive_lake=archive,
        # The pipeline reads from the primary, since a replica may lag.
        warehouse=Warehouse(
            chosen.warehouse_url.get_secret_value(), failover_seconds=failover_seconds
        ),
        settle_ms=round(chosen.settle_seconds * 1000),
        order_book_levels=chosen.order_book_levels,
        default_ingest_minutes=chosen.ingest_interval_minutes,
        default_order_book_minutes=chosen.order_book_interval_minutes,
        partition_unit=chosen.partition_unit,
        retention_policy=RetentionPolicy(
            **{field.name: getattr(chosen, field.name) for field in fields(RetentionPolicy)}
        ),
    )


def open_alert_destination(chosen: Settings, warehouse: Warehouse) -> AlertAddress:
    """Create the destination of alerts: the webhook of the app's settings or the environment."""
    return AlertAddress(warehouse, _reveal_secret(chosen.alert_webhook_url))


def open_store(chosen: Settings, url: str) -> Lake:
    """Open another directory or bucket with the settings of the lakes. Raises WrongUse."""
    return _open_lake(chosen, url)


def open_reports(chosen: Settings) -> Reports:
    """Open the reports that pages, routes and commands read."""
    return Reports(open_warehouse(chosen), default_ingest_minutes=chosen.ingest_interval_minutes)


def open_warehouse(chosen: Settings) -> Warehouse:
    """Open the warehouse for reading, from the replica if the settings have one."""
    return Warehouse(
        chosen.warehouse_url.get_secret_value(), chosen.warehouse_read_url.get_secret_value()
    )


@lru_cache(maxsize=1)
def open_shared_context() -> PipelineContext:
    """Return the process's context, which threads share, for runs and commands.

    It waits for a failover of the warehouse to end.
    """
    return open_pipeline_context(get_settings(), _FAILOVER_SECONDS)


@lru_cache(maxsize=1)
def open_shared_alert_destination() -> AlertAddress:
    """Return the process's alert destination, which caches the last webhook."""
    return open_alert_destination(get_settings(), open_shared_context().warehouse)


def _open_lake(chosen: Settings, url: str) -> Lake:
    options = S3Options(
        endpoint_url=chosen.s3_endpoint_url,
        access_key_id=_reveal_secret(chosen.s3_access_key_id),
        secret_access_key=_reveal_secret(chosen.s3_secret_access_key),
        region=chosen.s3_region,
        session_token=_reveal_secret(chosen.s3_session_token),
        profile=chosen.s3_profile,
        addressing_style=chosen.s3_addressing_style,
    )
    return open_lake(url, options)


def _reveal_secret(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
