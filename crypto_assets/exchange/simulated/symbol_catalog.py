"""The symbols of the generated market, with the real assets, tick sizes and lot sizes."""

from dataclasses import dataclass
from decimal import Decimal

# Quote assets in the order in which the end of a symbol is compared.
_QUOTES = (
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "USD1", "DAI", "EURI", "BIDR", "IDRT",
    "BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "DOT", "PAX", "VAI", "UST", "SOL",
    "EUR", "GBP", "TRY", "AUD", "BRL", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS", "JPY",
    "MXN", "COP", "CZK", "USD",
)  # fmt: skip


@dataclass(frozen=True)
class ListedSymbol:
    """A symbol with `tick_digits` decimals of the price and `lot_digits` of the volume."""

    symbol: str
    base: str
    quote: str
    tick_digits: int
    lot_digits: int

    @property
    def tick_size(self) -> Decimal:
        return Decimal(1).scaleb(-self.tick_digits)

    @property
    def lot_size(self) -> Decimal:
        return Decimal(1).scaleb(-self.lot_digits)


@dataclass(frozen=True)
class SymbolBehavior:
    """The behavior of a generated symbol.

    `price` is the level around which it moves, in quote units; `volatility` the yearly one as a
    fraction; `market_share` the part of the variance common to all symbols; `daily_volume` is in
    base units; `quiet_share` is the fraction of minutes without a trade.
    """

    price: float
    volatility: float
    market_share: float
    daily_volume: float
    daily_trades: float
    quiet_share: float


def split_symbol(symbol: str) -> tuple[str, str]:
    """Split a symbol into base and quote, by the exchange's quote assets."""
    for quote in _QUOTES:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    return symbol, ""


def _build_entry(
    symbol: str, ticks: int, lots: int, *behavior: float
) -> tuple[ListedSymbol, SymbolBehavior]:
    return ListedSymbol(symbol, *split_symbol(symbol), ticks, lots), SymbolBehavior(*behavior)


_ENTRIES = (
    _build_entry("BTCUSDT", 2, 5, 64_000, 0.45, 0.85, 24_000, 2_600_000, 0.0005),
    _build_entry("ETHUSDT", 2, 4, 2_600, 0.70, 0.80, 420_000, 1_900_000, 0.0008),
    _build_entry("SOLUSDT", 2, 3, 140, 0.90, 0.65, 3_600_000, 1_100_000, 0.001),
    _build_entry("BNBUSDT", 2, 3, 560, 0.60, 0.65, 420_000, 700_000, 0.001),
    _build_entry("XRPUSDT", 4, 1, 0.62, 0.80, 0.60, 310_000_000, 600_000, 0.001),
    _build_entry("ADAUSDT", 4, 1, 0.45, 0.85, 0.65, 110_000_000, 240_000, 0.003),
    _build_entry("DOGEUSDT", 5, 0, 0.13, 0.95, 0.60, 1_300_000_000, 500_000, 0.002),
    _build_entry("SHIBUSDT", 8, 0, 0.000021, 1.00, 0.55, 1e13, 230_000, 0.004),
    _build_entry("PEPEUSDT", 8, 0, 0.0000098, 1.25, 0.50, 2.4e13, 420_000, 0.003),
    _build_entry("LTCUSDT", 2, 3, 84, 0.70, 0.65, 700_000, 160_000, 0.005),
    _build_entry("LINKUSDT", 2, 2, 14.5, 0.85, 0.65, 4_200_000, 200_000, 0.004),
    _build_entry("AVAXUSDT", 2, 2, 29, 0.95, 0.65, 3_100_000, 190_000, 0.004),
    _build_entry("DOTUSDT", 3, 2, 5.6, 0.85, 0.65, 5_800_000, 130_000, 0.006),
    _build_entry("TRXUSDT", 4, 1, 0.16, 0.50, 0.40, 340_000_000, 150_000, 0.005),
    _build_entry("BCHUSDT", 1, 3, 390, 0.80, 0.60, 90_000, 120_000, 0.008),
    _build_entry("NEARUSDT", 3, 1, 5.1, 1.05, 0.60, 9_500_000, 140_000, 0.006),
    _build_entry("UNIUSDT", 3, 2, 8.4, 0.95, 0.60, 2_700_000, 110_000, 0.008),
    _build_entry("ATOMUSDT", 3, 2, 6.2, 0.85, 0.65, 2_900_000, 90_000, 0.01),
    _build_entry("ETCUSDT", 2, 2, 22, 0.80, 0.65, 1_200_000, 80_000, 0.012),
    _build_entry("XLMUSDT", 4, 0, 0.11, 0.80, 0.55, 90_000_000, 60_000, 0.015),
    _build_entry("FILUSDT", 3, 2, 4.7, 0.95, 0.65, 4_400_000, 90_000, 0.01),
    _build_entry("USDCUSDT", 4, 0, 1.0, 0.004, 0.05, 900_000_000, 240_000, 0.002),
    _build_entry("ETHBTC", 5, 4, 0.045, 0.40, 0.10, 28_000, 110_000, 0.01),
    _build_entry("BNBBTC", 6, 3, 0.0088, 0.45, 0.10, 31_000, 60_000, 0.03),
    _build_entry("SOLBTC", 7, 3, 0.0021, 0.65, 0.15, 42_000, 40_000, 0.04),
    _build_entry("XRPBTC", 8, 0, 0.0000098, 0.60, 0.15, 5_200_000, 18_000, 0.12),
    _build_entry("LTCBTC", 6, 3, 0.00131, 0.50, 0.15, 9_800, 9_000, 0.25),
    _build_entry("BTCEUR", 2, 5, 59_000, 0.55, 0.85, 520, 95_000, 0.03),
    _build_entry("ETHEUR", 2, 4, 2_400, 0.70, 0.80, 6_800, 60_000, 0.05),
    _build_entry("BTCTRY", 0, 5, 2_150_000, 0.55, 0.80, 130, 80_000, 0.02),
    _build_entry("WAVESBTC", 7, 2, 0.00007500, 0.90, 0.30, 16_000, 900, 0.72),
)  # fmt: skip

SYMBOL_CATALOG: dict[str, ListedSymbol] = {listing.symbol: listing for listing, _ in _ENTRIES}
SYMBOL_BEHAVIORS: dict[str, SymbolBehavior] = {
    listing.symbol: behavior for listing, behavior in _ENTRIES
}
