"""`python -m crypto_assets_tests.bench.inside WHAT`: measures within a home, answers as JSON."""

import json
from collections.abc import Mapping
from datetime import date

import click

from crypto_assets.cli.options import DayParam, SymbolsParam
from crypto_assets.market.utc_time import Window

_MARK = "figures:"


@click.group()
def inside() -> None:
    """What one process measures. The last line of its output holds the figures."""


@inside.command()
@click.option("--symbols", type=SymbolsParam(), required=True)
@click.option("--from", "first", type=DayParam(), required=True)
@click.option("--to", "last", type=DayParam(), required=True)
def backfill(symbols: tuple[str, ...], first: date, last: date) -> None:
    """A backfill without Dagster."""
    from crypto_assets_tests.bench.inside.backfill import bring

    bring(symbols, first, last)


@inside.command()
@click.option("--dagster", is_flag=True, help="As Dagster's run; else the work alone.")
def tick(dagster: bool) -> None:
    """One ingest tick of all tracked symbols."""
    from crypto_assets_tests.bench.inside.tick import by_dagster, by_itself

    _answer({"seconds": by_dagster() if dagster else by_itself()})


@inside.command()
@click.option("--symbol", required=True)
@click.option("--from", "first", type=DayParam(), required=True)
@click.option("--to", "last", type=DayParam(), required=True)
def aggregates(symbol: str, first: date, last: date) -> None:
    """Hours and days of a symbol from scratch."""
    from crypto_assets_tests.bench.inside.aggregates import seconds

    _answer({"seconds": seconds(symbol, Window.of_days(first, last))})


@inside.command()
@click.option("--symbol", required=True)
@click.option("--times", type=int, required=True)
def providers(symbol: str, times: int) -> None:
    """Every provider at every interval: `name interval` to milliseconds, each time's."""
    from crypto_assets_tests.bench.inside.providers import milliseconds

    _answer(milliseconds(symbol, times))


@inside.command()
@click.argument("page")
@click.option("--times", type=int, required=True)
def page(page: str, times: int) -> None:
    """A page's first render and its reruns, in seconds."""
    from crypto_assets_tests.bench.inside.pages import renders

    _answer(renders(page, times))


@inside.command()
@click.argument("page")
@click.option("--viewers", type=int, required=True)
@click.option("--reruns", type=int, required=True)
def viewers(page: str, viewers: int, reruns: int) -> None:
    """Viewers of a page at once, and the server's memory over one viewer's reruns."""
    from crypto_assets_tests.bench.inside.viewers import at_once

    _answer(at_once(page, viewers, reruns))


def _answer(found: Mapping[str, object]) -> None:
    click.echo(_MARK + json.dumps(found))


if __name__ == "__main__":
    inside()
