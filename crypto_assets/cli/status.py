"""`crypto-assets status`: print what is stored, how complete and how fresh it is."""

import math
from collections.abc import Sequence
from dataclasses import asdict

import click
import orjson
from rich.filesize import decimal as format_byte_size

from crypto_assets.cli.formatting import format_duration_ms, format_utc_minute, print_table
from crypto_assets.cli.unlock import print_token_problems
from crypto_assets.reports import StatusReport
from crypto_assets.reports.workers import WorkerReport
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_exchange_monitor, open_ready_reports


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; times in epoch ms.")
def status(as_json: bool) -> None:
    """Print state, coverage, open gaps and lag of each symbol.

    Also prints the first and last candle, the number of rows, the size of lake and warehouse, and
    the workers of other machines, if there are any.
    Coverage is the share of the requested minutes that are stored or explained; days that were
    never requested are counted as not loaded.
    """
    settings = get_settings()
    reports = open_ready_reports(settings, open_exchange_monitor(settings).confirm_condition)
    report = reports.get_status()
    workers = reports.list_workers()
    if as_json:
        click.echo(orjson.dumps({**asdict(report), "workers": list(map(asdict, workers))}))
    else:
        print_status(report)
        print_workers(workers, settings.worker_timeout_seconds)
    for warning in reports.list_database_warnings():
        click.echo(f"warning: {warning}", err=True)
    print_token_problems(get_settings())


def print_status(report: StatusReport) -> None:
    """Print a status report as a table."""
    if report.replica_lag_ms:
        seconds = math.ceil(report.replica_lag_ms / 1000)
        click.echo(f"The replica is {seconds:,} s behind: newer candles are on the primary.")
    print_table(
        "candles",
        ("symbol", "state", "first", "last", "minutes", "coverage", "gaps", "not loaded", "lag"),
        (
            (
                symbol.symbol,
                symbol.state.replace("_", " "),
                format_utc_minute(symbol.first_open_time),
                format_utc_minute(symbol.last_open_time),
                f"{symbol.rows:,}",
                f"{symbol.coverage:.2%}",
                f"{symbol.open_gaps:,}",
                f"{symbol.unloaded_days:,} d",
                format_duration_ms(symbol.lag_ms),
            )
            for symbol in report.symbols
        ),
    )
    storage = report.storage
    click.echo(
        f"lake: {storage.objects:,} objects, {format_byte_size(storage.lake_bytes)}; "
        f"warehouse: {format_byte_size(storage.warehouse_bytes)}"
    )


def print_workers(workers: Sequence[WorkerReport], timeout_seconds: int) -> None:
    """Print the workers of other machines as a table, unless there are none."""
    if not workers:
        return
    print_table(
        "workers",
        ("host", "queue", "state", "last heartbeat", "processes", "version"),
        (
            (
                worker.host,
                worker.queue,
                "lost" if worker.silent_ms >= timeout_seconds * 1000 else "live",
                format_duration_ms(worker.silent_ms),
                str(worker.processes),
                worker.version,
            )
            for worker in workers
        ),
    )
