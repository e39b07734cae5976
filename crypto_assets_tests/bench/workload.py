"""The candles that a measurement loads."""

from dataclasses import dataclass
from datetime import date, timedelta

from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window

FIRST_DAY = date(2025, 1, 1)
# In the order of the simulated exchange's catalogue.
SYMBOLS = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT"),
    *("SHIBUSDT", "PEPEUSDT", "LTCUSDT", "LINKUSDT", "AVAXUSDT", "DOTUSDT", "TRXUSDT"),
    *("BCHUSDT", "NEARUSDT", "UNIUSDT", "ATOMUSDT", "ETCUSDT", "XLMUSDT"),
)


@dataclass(frozen=True)
class Workload:
    """Whole days of some symbols, from FIRST_DAY on."""

    symbols: tuple[str, ...]
    days: int

    @property
    def last(self) -> date:
        return FIRST_DAY + timedelta(days=self.days - 1)

    @property
    def window(self) -> Window:
        return Window.of_days(FIRST_DAY, self.last)

    @property
    def rows(self) -> int:
        return len(self.symbols) * self.days * DAY_MS // MINUTE_MS

    @property
    def noon_after(self) -> str:
        """An instant (ISO 8601) at which the archive has published every day."""
        return f"{self.last + timedelta(days=1)}T12:00:30Z"

    def make_options(self) -> list[str]:
        """Make the options of subcommands of `crypto-assets`."""
        return [
            *("--symbols", ",".join(self.symbols)),
            *("--from", str(FIRST_DAY), "--to", str(self.last)),
        ]
