"""`crypto-assets import`: klines objects that another program collected."""

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import click

from crypto_assets.addresses import expand_user
from crypto_assets.errors import CryptoAssetsError, WrongUse
from crypto_assets.lake import Lake
from crypto_assets.market.utc_time import now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.ingestion.import_objects import (
    ImportResult,
    import_klines_objects,
    load_imported_days,
)
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_shared_context, open_store

_MAX_EXAMPLES = 3


@click.command("import")
@click.argument("prefix")
def import_command(prefix: str) -> None:
    """Take foreign klines objects under PREFIX (a directory, or s3://bucket/prefix) into the lake.

    A JSON array of the exchange's own 12-field minute rows, whose key names a tracked symbol. Rows
    count only if the object was written after their close plus the settle delay. Minutes that the
    daily archive, REST or the gap ledger says do not exist are quarantined.
    """
    stores = open_shared_context()
    require_stores_ready(stores)
    source, start = _open_source(prefix), get_settings().start_date
    found = list(import_klines_objects(stores, source[0], source[1], start))
    if not found:
        raise CryptoAssetsError(f"there is no object under {prefix}")
    _print_summary(found)
    _load_imported_days(stores, found)


def _open_source(prefix: str) -> tuple[Lake, str]:
    """The store, and the beginning of the keys in it."""
    if not prefix.strip():  # as of an unset variable; a path reads it as the current folder
        raise WrongUse("the prefix is empty: name a directory, or s3://bucket/prefix")
    if prefix.startswith("s3://"):
        bucket, _, rest = prefix.removeprefix("s3://").partition("/")
        return open_store(get_settings(), f"s3://{bucket}"), rest
    path = expand_user(Path(prefix)).absolute()
    if path.is_dir():
        return open_store(get_settings(), str(path)), ""
    if not path.parent.is_dir():
        raise WrongUse(f"{prefix} is no directory: name one, or s3://bucket/prefix")
    return open_store(get_settings(), str(path.parent)), path.name


def _print_summary(found: list[ImportResult]) -> None:
    for symbol in sorted({one.symbol for one in found if one.symbol}):
        own = [one for one in found if one.symbol == symbol]
        parts = [
            f"{sum(one.rows for one in own)} rows of {len(own)} objects",
            _describe_count(
                sum(one.early for one in own), "rows were written before they were final"
            ),
            _describe_count(sum(one.old for one in own), "rows lie before START_DATE"),
        ]
        click.echo(f"{symbol}: {', '.join(part for part in parts if part)}")
    reasons = Counter(one.refused for one in found if one.refused)
    for reason, count in reasons.most_common():
        keys = [one.key for one in found if one.refused == reason]
        more = ", ..." if count > _MAX_EXAMPLES else ""
        click.echo(f"not understood: {', '.join(keys[:_MAX_EXAMPLES])}{more} ({count}): {reason}")


def _describe_count(number: int, words: str) -> str:
    return f"{number} {words}" if number else ""


def _load_imported_days(stores: PipelineContext, found: list[ImportResult]) -> None:
    days: defaultdict[str, set[date]] = defaultdict(set)
    began = now_ms()
    for one in found:
        days[one.symbol or ""] |= set(one.days)
    errors = [
        outcome.error
        for symbol, own in days.items()
        if own
        for outcome in load_imported_days(stores, symbol, own)
        if outcome.error
    ]
    for symbol in sorted(days):
        for reason, count in stores.warehouse.quarantine.count_by_reason(symbol, began).items():
            click.echo(f"{symbol}: {count} rows quarantined: {reason}")
    if errors:
        raise errors[0]
