"""The exchange: REST and daily archive, real or simulated, and a simulated one to speak to."""

from dataclasses import dataclass

from crypto_assets.errors import ForeignExchange
from crypto_assets.exchange.archive import DailyArchive
from crypto_assets.exchange.exchange_info import ExchangeInfo
from crypto_assets.exchange.rest import BinanceRest
from crypto_assets.exchange.transport import Patience

__all__ = [
    "BinanceRest",
    "DailyArchive",
    "Exchange",
    "ExchangeInfo",
    "Patience",
    "open_exchange",
]


@dataclass(frozen=True)
class Exchange:
    """One exchange's two doors."""

    rest: BinanceRest
    archive: DailyArchive

    def identity(self) -> str:
        """Which exchange this is. Raises ForeignExchange where the doors lead to two."""
        rest, archive = self.rest.identity(), self.archive.identity()
        if rest != archive:
            raise ForeignExchange(
                f"{self.rest.base_url} is {rest}, but the archive {self.archive.base_url} is "
                f"{archive}: set CRYPTO_EXCHANGE_URL and CRYPTO_ARCHIVE_URL to one exchange"
            )
        return rest


def open_exchange(
    exchange_url: str, archive_url: str, patience: Patience | None = None
) -> Exchange:
    """Clients for both doors. Nothing is asked yet. Raises WrongUse for a malformed address."""
    return Exchange(BinanceRest(exchange_url, patience), DailyArchive(archive_url, patience))
