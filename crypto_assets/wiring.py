"""From settings to bodies: the one place that chooses exchange, lake and warehouse."""

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

# Restarts take some seconds, fail-overs of managed databases up to half a minute.
_FAILOVER_SECONDS = 30.0


def open_pipeline_context(chosen: Settings, failover_seconds: float = 0) -> PipelineContext:
    """What the use cases work with. Opens no connection yet: each body does so when first used.

    `failover_seconds` as of Warehouse: 0 where a person waits for the answer.
    """
    raw = _open_lake(chosen, chosen.lake_raw_url)
    archive = _open_lake(chosen, chosen.lake_archive_url)
    if raw.bucket == archive.bucket:
        # The manifest tells the two apart by this name.
        raise WrongUse(
            f"CRYPTO_LAKE_RAW_URL and CRYPTO_LAKE_ARCHIVE_URL both end in {raw.bucket}: "
            "give them different names"
        )
    return PipelineContext(
        exchange=open_exchange(chosen.exchange_url, chosen.archive_url),
        raw_lake=raw,
        archive_lake=archive,
        # What decides the next step is read where it was written, never from a replica.
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
    """Where alerts go."""
    return AlertAddress(warehouse, _reveal_secret(chosen.alert_webhook_url))


def open_store(chosen: Settings, url: str) -> Lake:
    """Another directory or bucket, reached as the lakes are. Raises WrongUse."""
    return _open_lake(chosen, url)


def open_reports(chosen: Settings) -> Reports:
    """What pages, routes and commands ask of the warehouse."""
    return Reports(open_warehouse(chosen), default_ingest_minutes=chosen.ingest_interval_minutes)


def open_warehouse(chosen: Settings) -> Warehouse:
    """For reading: from the replica, where the settings name one."""
    return Warehouse(
        chosen.warehouse_url.get_secret_value(), chosen.warehouse_read_url.get_secret_value()
    )


@lru_cache(maxsize=1)
def open_shared_context() -> PipelineContext:
    """The process's platform, by the environment's settings; opened once, shared by threads.

    For runs and commands, which wait for a fail-over of the warehouse to end.
    """
    return open_pipeline_context(get_settings(), _FAILOVER_SECONDS)


@lru_cache(maxsize=1)
def open_shared_alert_destination() -> AlertAddress:
    """The process's, which remembers where alerts went last."""
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
