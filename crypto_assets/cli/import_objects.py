"""`crypto-assets import`: import klines objects that another program has collected."""

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import click

from crypto_assets.addresses import expand_user, remove_logins
from crypto_assets.cli.command_author import record_command
from crypto_assets.errors import CryptoAssetsError, WrongUse
from crypto_assets.foreign_text import shorten_text
from crypto_assets.lake import Lake
from crypto_assets.market.utc_time import now_ms
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.ingestion.import_objects import (
    ImportResult,
    import_klines_objects,
    load_imported_days,
)
from crypto_assets.service_waiter import MAX_OUTAGE_SECONDS
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_lake_at, open_shared_context

_MAX_EXAMPLES = 3


@click.command("import")
@click.argument("prefix")
def import_command(prefix: str) -> None:
    """Import klines objects of another program.

    PREFIX is a directory or s3://bucket/prefix. Each object must be a JSON array of the exchange's
    12-field minute rows, and its key must contain a tracked symbol. A row is imported only if the
    object was written after the row's close time plus the settle delay. Minutes that are missing in
    the daily archive and over REST, or that the gap ledger explains, are quarantined.
    """
    context = open_shared_context()
    require_stores_ready(context)
    source, key_prefix = _open_source(prefix)
    record_command(context, "import", shorten_text(remove_logins(prefix)))
    start = get_settings().start_date
    with context.waiter.wait_up_to(MAX_OUTAGE_SECONDS):
        results = list(import_klines_objects(context, source, key_prefix, start))
        if not results:
            raise CryptoAssetsError(f"no objects found under {prefix}")
        _print_summary(results)
        _load_imported_days(context, results)


def _open_source(prefix: str) -> tuple[Lake, str]:
    """Open the store of a prefix; return it with the prefix of its keys."""
    if not prefix.strip():  # an unset shell variable; Path would take it as the current folder
        raise WrongUse("the prefix is empty: use a directory, or s3://bucket/prefix")
    if prefix.startswith("s3://"):
        bucket, _, rest = prefix.removeprefix("s3://").partition("/")
        return open_lake_at(get_settings(), f"s3://{bucket}"), rest
    path = expand_user(Path(prefix)).absolute()
    if path.is_dir():
        return open_lake_at(get_settings(), str(path)), ""
    if not path.parent.is_dir():
        raise WrongUse(f"{prefix} is not a directory: use a directory, or s3://bucket/prefix")
    return open_lake_at(get_settings(), str(path.parent)), path.name


def _print_summary(results: list[ImportResult]) -> None:
    for symbol in sorted({result.symbol for result in results if result.symbol}):
        imported = [result for result in results if result.symbol == symbol]
        early, old = sum(item.early for item in imported), sum(item.old for item in imported)
        parts = [
            f"{sum(item.rows for item in imported)} rows of {len(imported)} objects",
            f"skipped {early} rows that were written before they were final" if early else "",
            f"skipped {old} rows before START_DATE" if old else "",
        ]
        click.echo(f"{symbol}: {', '.join(part for part in parts if part)}")
    reasons = Counter(result.refused for result in results if result.refused)
    for reason, count in reasons.most_common():
        keys = [result.key for result in results if result.refused == reason]
        more = ", ..." if count > _MAX_EXAMPLES else ""
        click.echo(f"not imported: {', '.join(keys[:_MAX_EXAMPLES])}{more} ({count}): {reason}")


def _load_imported_days(context: PipelineContext, results: list[ImportResult]) -> None:
    days: defaultdict[str, set[date]] = defaultdict(set)
    start_ms = now_ms()
    for result in results:
        days[result.symbol or ""] |= set(result.days)
    errors = [
        outcome.error
        for symbol, imported_days in days.items()
        if imported_days
        for outcome in load_imported_days(context, symbol, imported_days)
        if outcome.error
    ]
    for symbol in sorted(days):
        counts = context.warehouse.quarantine.count_by_reason(symbol, start_ms)
        for reason, count in counts.items():
            click.echo(f"{symbol}: {count} rows quarantined: {reason}")
    if errors:
        raise errors[0]
