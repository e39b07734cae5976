"""`crypto-assets verify`: compare hours and days with the exchange's own, and suggest repairs."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date

import click
import orjson

from crypto_assets.cli.options import check_day_options, days_options, symbols_option
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.lake import parse_key
from crypto_assets.market.utc_time import Window, day_of, day_start_ms, format_utc
from crypto_assets.pipeline.control.bootstrap import require_stores_ready
from crypto_assets.pipeline.reconciliation.candle_comparer import ComparisonBasis
from crypto_assets.pipeline.reconciliation.verify import VerificationResult, verify_symbol
from crypto_assets.pipeline.stages.symbol_status import is_listed
from crypto_assets.wiring import open_shared_context


@click.command()
@symbols_option
@days_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def verify(symbols: tuple[str, ...] | None, first: date, last: date, as_json: bool) -> None:
    """Compare stored hours and days with the exchange's own.

    Prints each difference and the commands that repair the data.
    """
    context = open_shared_context()
    require_stores_ready(context)
    check_day_options(first, last, context.exchange_now())
    registry = context.warehouse.symbols
    names = [registry.resolve_name(text) for text in symbols or ()]
    window = Window.of_days(first, last)
    tracked = (symbol.name for symbol in registry.list_tracked())
    results = {name: verify_symbol(context, name, window) for name in names or tracked}
    if as_json:
        _print_json(results)
    else:
        for name, result in results.items():
            expired_before = context.warehouse.watermarks.get_watermark(name).purged_before or 0
            _print_result(name, result, expired_before)
        for name in results:
            if not is_listed(context, name):
                click.echo(
                    f"{name}: the exchange no longer lists it, so it was compared with the lake "
                    "and the gap ledger only"
                )
    failed = [name for name, result in results.items() if not result.passed]
    if failed:
        count = sum(len(result.differences) + len(result.lost) for result in results.values())
        raise CryptoAssetsError(f"{count} differences in {', '.join(failed)}")


def _print_result(symbol: str, result: VerificationResult, expired_before_ms: int) -> None:
    for line in (*result.differences, *result.explained):
        click.echo(str(line))
    for conflict in result.conflicts:
        click.echo(
            f"{symbol} {conflict.interval} {format_utc(conflict.open_time)}: "
            f"the exchange contradicts itself ({conflict.evidence})"
        )
    if result.recut:
        click.echo(
            f"{symbol}: {result.recut} periods compared with the exchange's own boundaries, which "
            "are not on the hour"
        )
    for period in result.partial:
        click.echo(f"{symbol} {period}")
    for window in result.not_loaded:
        click.echo(f"{symbol}: {window} is not loaded")
    for key in result.lost:
        click.echo(f"{symbol}: {key} is missing from the lake")
    if result.differing_hours:
        hours = ", ".join(format_utc(hour) for hour in result.differing_hours)
        click.echo(f"{symbol}: hours with differences: {hours}")
    for advice in _suggest_repairs(symbol, result, expired_before_ms):
        click.echo(f"{symbol}: {advice}")
    click.echo(
        f"{symbol}: {result.compared} hours and days, {result.minutes} minutes, "
        f"{len(result.differences)} differences, {len(result.explained)} explained by revisions, "
        f"{len(result.conflicts)} contradictions of the exchange"
    )


def _suggest_repairs(symbol: str, result: VerificationResult, expired_before_ms: int) -> list[str]:
    """Return the commands that repair the differences, with the days that each concerns.

    A difference from the exchange alone needs a backfill, which stores the version that matches the
    exchange's hour. A difference from the lake, the minutes or the gap ledger needs a rebuild from
    the lake, after a backfill if the lake has lost an object or has none of the day. Neither
    restores expired minutes.
    """
    differences = result.differences
    lost = {key.day for name in result.lost if (key := parse_key(name))}
    affected = {day_of(difference.hour_open_time) for difference in differences} | lost
    expired = {day for day in affected if day_start_ms(day) < expired_before_ms}
    internal = {
        day_of(difference.hour_open_time)
        for difference in differences
        if difference.against is not ComparisonBasis.EXCHANGE
    }
    # No object in the lake shows that the minute does not exist: the lake may have none of the day.
    absent = {
        day_of(difference.hour_open_time)
        for difference in differences
        if difference.against is ComparisonBasis.ABSENCE
    }
    rebuild = (internal | lost) - expired
    backfill = (affected - internal | lost | set(result.not_in_lake)) - expired | absent
    advice = []
    if backfill:
        command = f"`crypto-assets backfill {_format_options(symbol, backfill)}`"
        advice.append(f"fetch from the exchange again: {command}")
    if rebuild:
        exact = "--exact " if any(difference.is_invented for difference in differences) else ""
        command = f"`crypto-assets rebuild {exact}{_format_options(symbol, rebuild)}`"
        advice.append(f"{'then ' if backfill else ''}rebuild from the lake: {command}")
    if expired:
        days = f"{min(expired)} to {max(expired)}"
        advice.append(f"the minutes of {days} have expired: they cannot be restored")
    return advice


def _format_options(symbol: str, days: set[date]) -> str:
    return f"--symbols {symbol} --from {min(days)} --to {max(days)}"


def _print_json(results: Mapping[str, VerificationResult]) -> None:
    answer = {name: {**asdict(result), "passed": result.passed} for name, result in results.items()}
    for content in answer.values():
        for conflict in content["conflicts"]:
            del conflict["recorded_at"]  # not set here, only in the warehouse
    click.echo(orjson.dumps(answer, default=str))
