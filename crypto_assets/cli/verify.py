"""`crypto-assets verify`: are our hours and days the exchange's own?"""

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
from crypto_assets.pipeline.reconciliation.diff import ComparisonBasis
from crypto_assets.pipeline.reconciliation.verify import VerificationResult
from crypto_assets.pipeline.reconciliation.verify import verify_symbol as compare
from crypto_assets.pipeline.stages.symbol_status import is_listed
from crypto_assets.wiring import open_shared_context


@click.command()
@symbols_option
@days_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(symbols: tuple[str, ...] | None, first: date, last: date, as_json: bool) -> None:
    """Compare hours and days with the exchange's own, and print each difference."""
    stores = open_shared_context()
    require_stores_ready(stores)
    check_day_options(first, last, stores.exchange_now())
    registered = stores.warehouse.symbols
    names = [registered.resolve_name(text) for text in symbols or ()]
    window = Window.of_days(first, last)
    tracked = (symbol.name for symbol in registered.list_tracked())
    found = {name: compare(stores, name, window) for name in names or tracked}
    if as_json:
        _print_json(found)
    else:
        marks = stores.warehouse.watermarks
        _print_lines(found, {name: marks.get_watermark(name).purged_before or 0 for name in found})
        for name in found:
            if not is_listed(stores, name):
                click.echo(
                    f"{name}: the exchange lists it no longer: held to lake and ledger alone"
                )
    failed = [name for name, one in found.items() if not one.passed]
    if failed:
        count = sum(len(one.differences) + len(one.lost) for one in found.values())
        raise CryptoAssetsError(f"{count} differences in {', '.join(failed)}")


def _print_lines(found: Mapping[str, VerificationResult], expired: Mapping[str, int]) -> None:
    for symbol, one in found.items():
        for line in (*one.differences, *one.explained):
            click.echo(str(line))
        for conflict in one.conflicts:
            click.echo(
                f"{symbol} {conflict.interval} {format_utc(conflict.open_time)}: "
                f"the exchange contradicts itself ({conflict.evidence})"
            )
        if one.recut:
            click.echo(
                f"{symbol}: {one.recut} periods compared as the exchange cut them, off the hour"
            )
        for period in one.partial:
            click.echo(f"{symbol} {period}")
        for window in one.not_loaded:
            click.echo(f"{symbol}: {window} is not loaded")
        for key in one.lost:
            click.echo(f"{symbol}: the lake has lost {key}")
        if one.differing_hours:
            click.echo(
                f"{symbol}: look at {', '.join(format_utc(hour) for hour in one.differing_hours)}"
            )
        for advice in _suggest_repairs(symbol, one, expired.get(symbol, 0)):
            click.echo(f"{symbol}: {advice}")
        click.echo(
            f"{symbol}: {one.compared} hours and days, {one.minutes} minutes, "
            f"{len(one.differences)} differences, {len(one.explained)} explained by revisions, "
            f"{len(one.conflicts)} contradictions of the exchange"
        )


def _suggest_repairs(symbol: str, one: VerificationResult, expired_before_ms: int) -> list[str]:
    """Return what puts the differences right, as commands over the days that each concerns.

    What differs from the exchange alone is asked for again: the backfill loads the version that
    gives the exchange's hour. What differs from our own lake, minutes or ledger is rebuilt from the
    lake, after a backfill where the lake has lost an object or holds none. Minutes that expired
    come back by neither.
    """
    lost = {parts.day for key in one.lost if (parts := parse_key(key))}
    wrong = {day_of(each.hour_open_time) for each in one.differences} | lost
    expired = {day for day in wrong if day_start_ms(day) < expired_before_ms}
    inside = {
        day_of(each.hour_open_time)
        for each in one.differences
        if each.against is not ComparisonBasis.EXCHANGE
    }
    back = (inside | lost) - expired
    ask = (wrong - inside | lost | set(one.not_in_lake)) - expired
    # The lake has no object that says so: it may hold none of the day, which is then fetched.
    ask |= {
        day_of(each.hour_open_time)
        for each in one.differences
        if each.against is ComparisonBasis.ABSENCE
    }
    invented = any(difference.is_invented for difference in one.differences)
    advice = []
    if ask:
        advice.append(
            f"ask the exchange again: `crypto-assets backfill {_format_options(symbol, ask)}`"
        )
    if back:
        exact = "--exact " if invented else ""
        command = f"`crypto-assets rebuild {exact}{_format_options(symbol, back)}`"
        advice.append(f"{'then ' if ask else ''}restore what the lake holds: {command}")
    if expired:
        days = f"{min(expired)} to {max(expired)}"
        advice.append(f"the minutes of {days} have expired: nothing can be restored there")
    return advice


def _format_options(symbol: str, days: set[date]) -> str:
    return f"--symbols {symbol} --from {min(days)} --to {max(days)}"


def _print_json(found: dict[str, VerificationResult]) -> None:
    answer = {name: {**asdict(one), "passed": one.passed} for name, one in found.items()}
    for one in answer.values():
        for conflict in one["conflicts"]:
            del conflict["recorded_at"]  # only the warehouse knows it: here it is always 0
    click.echo(orjson.dumps(answer, default=str))
