"""Options that several subcommands share, and their parameter types."""

from collections.abc import Callable
from datetime import date
from typing import Any

import click

from crypto_assets.errors import WrongUse
from crypto_assets.market.instant_parsing import parse_day
from crypto_assets.market.symbols import parse_symbol
from crypto_assets.market.utc_time import day_of
from crypto_assets.pipeline.control.backfill import validate_day_range
from crypto_assets.settings import get_settings


class DayParam(click.ParamType[date]):
    """A UTC day, written YYYY-MM-DD."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        try:
            return parse_day(value)
        except WrongUse as error:
            self.fail(str(error), param, ctx)


class SymbolsParam(click.ParamType[tuple[str, ...]]):
    """Comma-separated symbols."""

    name = "A,B"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(
            dict.fromkeys(parse_symbol(text) for text in value.split(",") if text.strip())
        )
        if not names:
            self.fail("write at least one symbol, such as BTCUSDT,ETHUSDT", param, ctx)
        return names


symbols_option = click.option(
    "--symbols", type=SymbolsParam(), help="Comma-separated symbols. Default: all tracked symbols."
)


def days_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--from` and `--to`, UTC days, both inclusive."""
    command = click.option(
        "--to", "last", type=DayParam(), required=True, help="Last UTC day, inclusive."
    )(command)
    return click.option("--from", "first", type=DayParam(), required=True, help="First UTC day.")(
        command
    )


def check_day_order(first: date, last: date) -> None:
    """Raise WrongUse for a range that is reversed."""
    if first > last:
        raise WrongUse(f"--from {first} is after --to {last}: swap them")


def check_day_options(first: date, last: date, now_ms: int) -> None:
    """Raise WrongUse for a range that is reversed, before START_DATE or in the future.

    `now_ms` is the exchange's time.
    """
    today, start = day_of(now_ms), get_settings().start_date
    validate_day_range(first, last, today, start, ("--from", "--to"))
