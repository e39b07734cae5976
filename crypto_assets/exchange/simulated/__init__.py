"""The simulated exchange: an HTTP server with the API and archive of Binance spot."""

from crypto_assets.exchange.simulated.app import create_exchange_app
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.faults import FaultScript
from crypto_assets.exchange.simulated.generated_candles import GeneratedCandles
from crypto_assets.exchange.simulated.recorded_candles import RecordedCandles
from crypto_assets.exchange.simulated.server import (
    DEFAULT_SEED,
    serve_simulated,
    start_exchange_server,
)
from crypto_assets.market.instant_parsing import parse_instant

__all__ = [
    "DEFAULT_SEED",
    "FaultScript",
    "GeneratedCandles",
    "RecordedCandles",
    "SimulatedClock",
    "SimulatedExchange",
    "create_exchange_app",
    "parse_instant",
    "serve_simulated",
    "start_exchange_server",
]
