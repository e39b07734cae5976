"""The simulated exchange: a real HTTP server that answers as Binance spot does."""

from crypto_assets.exchange.simulated.app import ORIGIN_HEADER, create_exchange_app
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.faults import FaultScript
from crypto_assets.exchange.simulated.generated_candles import GeneratedCandles
from crypto_assets.exchange.simulated.recorded_candles import RecordedCandles
from crypto_assets.exchange.simulated.server import (
    DEFAULT_SEED,
    serve_exchange,
    serve_simulated,
    start_exchange_server,
)
from crypto_assets.market.instant_parsing import parse_instant

__all__ = [
    "DEFAULT_SEED",
    "ORIGIN_HEADER",
    "FaultScript",
    "GeneratedCandles",
    "RecordedCandles",
    "SimulatedClock",
    "SimulatedExchange",
    "create_exchange_app",
    "parse_instant",
    "serve_exchange",
    "serve_simulated",
    "start_exchange_server",
]
