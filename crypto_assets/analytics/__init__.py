"""Pure functions from candles to charts: frames, providers and the registry that finds them."""

from crypto_assets.analytics.candle_frame import flag_forming, frame_from_table, resample
from crypto_assets.analytics.candle_gaps import gaps
from crypto_assets.analytics.provider import Input, Panel, Params, Provider, provider
from crypto_assets.analytics.registry import get

__all__ = [
    "Input",
    "Panel",
    "Params",
    "Provider",
    "flag_forming",
    "frame_from_table",
    "gaps",
    "get",
    "provider",
    "resample",
]
