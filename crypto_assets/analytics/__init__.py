"""Pure functions over candles: frames, providers, and the registry that finds the providers."""

from crypto_assets.analytics.candle_frame import flag_forming, frame_from_table
from crypto_assets.analytics.candle_gaps import find_candle_gaps
from crypto_assets.analytics.provider import Input, Panel, Params, Provider, provider
from crypto_assets.analytics.registry import get_provider
from crypto_assets.analytics.unit import Unit

__all__ = [
    "Input",
    "Panel",
    "Params",
    "Provider",
    "Unit",
    "find_candle_gaps",
    "flag_forming",
    "frame_from_table",
    "get_provider",
    "provider",
]
