"""`crypto-assets simulate-exchange`: serve a simulated exchange, offline."""

from pathlib import Path

import click

from crypto_assets.exchange.simulated import serve_simulated
from crypto_assets.logs import configure_json_logs, read_log_format
from crypto_assets.settings import LogFormat

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--data",
    type=_FOLDER,
    help="Serve recorded candles from this folder, whose content identifies the exchange.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of generated candles.")
@click.option("--outages", is_flag=True, help="Generate rare outages.")
@click.option("--faults", type=_FILE, help="File with rules of faults to inject.")
@click.option("--now", help="Start time of the exchange's clock: ISO 8601 in UTC, or epoch ms.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Speed of the exchange's clock; 0 stops it.",
)
def simulate_exchange(
    port: int,
    host: str,
    data: Path | None,
    seed: int,
    outages: bool,
    faults: Path | None,
    now: str | None,
    speed: float,
) -> None:
    """Simulate Binance's spot API until Ctrl-C.

    Serves generated or recorded candles. docs/simulated-exchange.md lists the routes.
    """
    if read_log_format() is LogFormat.JSON:
        configure_json_logs("simulated_exchange")
    serve_simulated(
        port, data=data, seed=seed, outages=outages, faults=faults, now=now, speed=speed, host=host
    )
