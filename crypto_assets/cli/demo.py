"""`crypto-assets demo`: backfill from a simulated exchange, report, and serve the result."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, timedelta

import click

from crypto_assets.cli import served_programs
from crypto_assets.cli.backfill import run_backfill
from crypto_assets.cli.demo_report import print_demo_report
from crypto_assets.cli.home_lock import hold_home_lock
from crypto_assets.cli.home_permissions import restrict_home
from crypto_assets.cli.init import run_init
from crypto_assets.cli.process_tree import ProcessTree
from crypto_assets.cli.up import (
    api_port_option,
    app_port_option,
    dagster_port_option,
    require_distinct_ports,
    set_link_addresses,
    start_services,
)
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.market.utc_time import MINUTES_PER_DAY, Window, day_of
from crypto_assets.settings import get_settings
from crypto_assets.tcp_ports import require_free_port
from crypto_assets.wiring import open_shared_context


@click.command()
@click.option("--once", is_flag=True, help="Load, verify and report, then exit without serving.")
@click.option(
    "--days",
    type=click.IntRange(1, 600),
    default=30,
    show_default=True,
    help="Number of days to load, including today.",
)
@click.option(
    "--exchange-port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of the simulated exchange. Default: a free port.",
)
@dagster_port_option
@app_port_option
@api_port_option
def demo(
    once: bool, days: int, exchange_port: int, dagster_port: int, app_port: int, api_port: int
) -> None:
    """Load and serve candles from a simulated exchange.

    Loads weeks of candles as Dagster runs, compares them with the exchange, and serves Dagster, the
    app and the API.
    """
    exchange_port = require_free_port(exchange_port, option="--exchange-port")
    if not once:
        require_distinct_ports(dagster_port, app_port, api_port)
    start = time.monotonic()
    # What is loaded here links to the app too.
    set_link_addresses(dagster_port, app_port)
    _use_simulated_exchange(exchange_port)
    restrict_home(get_settings())
    with ExitStack() as stack:
        if not once:
            stack.enter_context(hold_home_lock(get_settings().dagster_home))
        tree = stack.enter_context(ProcessTree(click.echo))
        click.echo("starting the simulated exchange ...")
        logs = get_settings().home / "logs"
        tree.start_programs(served_programs.simulated_exchange_program(exchange_port, logs))
        run_init()
        first, last = _choose_demo_days(days)
        symbols = [symbol.name for symbol in open_shared_context().warehouse.symbols.list_tracked()]
        stored = _count_stored_candles()
        missing = _find_first_incomplete_day(symbols, first, last)
        if missing > first:
            click.echo(f"{first} to {missing - timedelta(days=1)} are stored already")
        click.echo(f"loading {', '.join(symbols)}, {missing} to {last}, as Dagster runs ...")
        run_backfill(symbols, missing, last)
        loaded, seconds = _count_stored_candles() - stored, time.monotonic() - start
        _capture_order_books(symbols, last)
        print_demo_report(open_shared_context(), symbols, first, last, loaded, seconds)
        if not once:
            start_services(tree, dagster_port, app_port, api_port)
            tree.wait_until_stopped()


def _use_simulated_exchange(port: int) -> None:
    """Point this process and its children at the simulated exchange on `port`."""
    url = f"http://127.0.0.1:{port}"
    os.environ["CRYPTO_EXCHANGE_URL"] = url
    os.environ["CRYPTO_ARCHIVE_URL"] = url
    get_settings.cache_clear()
    os.environ["DAGSTER_HOME"] = str(get_settings().dagster_home)


def _choose_demo_days(count: int) -> tuple[date, date]:
    """Return the first and last of the last `count` days, including today, since START_DATE."""
    today = day_of(open_shared_context().exchange_now())
    return max(get_settings().start_date, today - timedelta(days=count - 1)), today


def _count_stored_candles() -> int:
    return sum(
        coverage.rows for coverage in open_shared_context().warehouse.coverage.list_by_symbol()
    )


def _find_first_incomplete_day(symbols: Sequence[str], first: date, last: date) -> date:
    """Return the first day that is not complete for each symbol, at the latest `last`, today."""
    coverage, window = open_shared_context().warehouse.coverage, Window.of_days(first, last)
    incomplete = [
        day_of(start)
        for symbol in symbols
        for start, minutes in coverage.count_minutes_by_day(symbol, window).items()
        if minutes < MINUTES_PER_DAY
    ]
    return min(incomplete, default=last)


def _capture_order_books(symbols: Sequence[str], today: date) -> None:
    from crypto_assets.dagster_ext.instance_home import open_instance
    from crypto_assets.definitions import defs
    from crypto_assets.defs.backfill import run_order_books_in_process

    with open_instance(get_settings().dagster_home) as instance:
        errors = run_order_books_in_process(defs, instance, symbols, today)
    if errors:
        raise CryptoAssetsError("; ".join(errors))
