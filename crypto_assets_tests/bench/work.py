"""The rectangle of candles that a measurement loads."""

from dataclasses import dataclass
from datetime import date, timedelta

from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window

FIRST = date(2025, 1, 1)
# In the order of the simulated exchange's catalogue.
SYMBOLS = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT"),
    *("SHIBUSDT", "PEPEUSDT", "LTCUSDT", "LINKUSDT", "AVAXUSDT", "DOTUSDT", "TRXUSDT"),
    *("BCHUSDT", "NEARUSDT", "UNIUSDT", "ATOMUSDT", "ETCUSDT", "XLMUSDT"),
)


@dataclass(frozen=True)
class Work:
    """Whole days from FIRST on of some symbols."""

    symbols: tuple[str, ...]
    days: int

    @property
    def last(self) -> date:
        return FIRST + timedelta(days=self.days - 1)

    @property
    def window(self) -> Window:
        return Window.of_days(FIRST, self.last)

    @property
    def rows(self) -> int:
        return len(self.symbols) * self.days * DAY_MS // MINUTE_MS

    @property
    def noon_after(self) -> str:
        """An instant at which the archive has published every day of it."""
        return f"{self.last + timedelta(days=1)}T12:00:30Z"

    def options(self) -> list[str]:
        """As the subcommands of `crypto-assets` take it."""
        return [
            *("--symbols", ",".join(self.symbols)),
            *("--from", str(FIRST), "--to", str(self.last)),
        ]
