"""`crypto-assets simulate-exchange`: an exchange of one's own, offline."""

from pathlib import Path

import click

from crypto_assets.exchange.simulated import serve_simulated

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True, help="Port on 127.0.0.1.")
@click.option(
    "--data",
    type=_FOLDER,
    help="Serve the recorded candles of this folder, whose content names the exchange.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Which world is generated.")
@click.option("--outages", is_flag=True, help="Generate rare outages.")
@click.option("--faults", type=_FILE, help="A script of faults to play.")
@click.option("--now", help="Set the exchange's clock: an ISO time in UTC, or epoch ms.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="How fast its clock runs; 0 stops it.",
)
def simulate_exchange(
    port: int,
    data: Path | None,
    seed: int,
    outages: bool,
    faults: Path | None,
    now: str | None,
    speed: float,
) -> None:
    """Answer as Binance spot does, from generated or recorded candles, until Ctrl-C.

    docs/simulated-exchange.md lists what is served.
    """
    serve_simulated(
        port, data=data, seed=seed, outages=outages, faults=faults, now=now, speed=speed
    )
