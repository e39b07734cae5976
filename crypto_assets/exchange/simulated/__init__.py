"""The simulated exchange: a real HTTP server that answers as Binance spot does."""

from crypto_assets.exchange.simulated.app import ORIGIN_HEADER, create_app
from crypto_assets.exchange.simulated.clock import SimulatedClock
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.generated import GeneratedCandles
from crypto_assets.exchange.simulated.server import running, serve

__all__ = [
    "ORIGIN_HEADER",
    "GeneratedCandles",
    "SimulatedClock",
    "SimulatedExchange",
    "create_app",
    "running",
    "serve",
]
