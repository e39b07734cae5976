"""`crypto-assets status`: what is held, how complete, how fresh."""

from dataclasses import asdict

import click
import orjson

from crypto_assets.cli.formatting import (
    format_byte_size,
    format_duration_ms,
    format_utc_minute,
    print_table,
)
from crypto_assets.reports import StatusReport
from crypto_assets.settings import get_settings
from crypto_assets.wiring import open_reports, open_warehouse


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; times in epoch ms.")
def status(as_json: bool) -> None:
    """Per symbol: first and last candle, rows, coverage, open gaps, lag; and what it all takes."""
    open_warehouse(get_settings()).require_ready()
    found = open_reports(get_settings()).get_status()
    if as_json:
        click.echo(orjson.dumps(asdict(found)))
    else:
        print_status(found)


def print_status(found: StatusReport) -> None:
    print_table(
        "candles",
        ("symbol", "first", "last", "minutes", "coverage", "open gaps", "lag"),
        (
            (
                one.symbol,
                format_utc_minute(one.first_open_time),
                format_utc_minute(one.last_open_time),
                f"{one.rows:,}",
                f"{one.coverage:.2%}",
                str(one.open_gaps),
                format_duration_ms(one.lag_ms),
            )
            for one in found.symbols
        ),
    )
    storage = found.storage
    click.echo(
        f"lake: {storage.objects:,} objects, {format_byte_size(storage.lake_bytes)}; "
        f"warehouse: {format_byte_size(storage.warehouse_bytes)}"
    )
