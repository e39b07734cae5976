"""The exchange: REST and daily archive, real or simulated, and a simulated one to speak to."""

from dataclasses import dataclass

from crypto_assets.errors import ForeignExchange
from crypto_assets.exchange.archive import DailyArchive
from crypto_assets.exchange.exchange_info import ExchangeInfo
from crypto_assets.exchange.identity import (
    Recording,
    is_earlier_name,
    is_hidden_recording,
    is_unnamed_server,
)
from crypto_assets.exchange.rest import BinanceRest
from crypto_assets.exchange.transport import RequestRetryPolicy
from crypto_assets.market.exchange_name import shorten_exchange_name

__all__ = [
    "BinanceRest",
    "DailyArchive",
    "Exchange",
    "ExchangeInfo",
    "RequestRetryPolicy",
    "open_exchange",
]


@dataclass(frozen=True)
class Exchange:
    """One exchange's two doors."""

    rest: BinanceRest
    archive: DailyArchive

    def resolve_identity(self) -> str:
        """Which exchange this is. Raises ForeignExchange where the doors lead to two.

        An archive that does not say whose it is, on a host that is not one of the exchange's, is
        a mirror: it counts as the archive of the exchange that REST names. An archive under a path
        may hide a recording's list of files, whose digest is then compared.
        """
        rest, archive = self.rest.fetch_identity(), self.archive.fetch_identity()
        is_one = (
            rest == archive
            or is_unnamed_server(archive)
            or is_earlier_name(archive, rest)
            or is_hidden_recording(archive, rest)
        )
        if not is_one:
            raise ForeignExchange(
                f"{self.rest.base_url} is {shorten_exchange_name(rest)}, but the archive "
                f"{self.archive.base_url} is {shorten_exchange_name(archive)}: set "
                "CRYPTO_EXCHANGE_URL and CRYPTO_ARCHIVE_URL to one exchange"
            )
        return rest

    def continue_identity(self, held: str | None, served: str) -> str | None:
        """The name from now on of the exchange `held`, where `served` is the same exchange.

        It differs from `held` where an earlier version of this program gave that name, and where
        a recording has grown. None where the two are not one exchange. Raises ForeignExchange
        where they are two recordings.
        """
        if held is None or held == served:
            return held
        before, now = Recording.parse_identity(held), Recording.parse_identity(served)
        if before and now:
            return self.rest.continue_recording(before, now).identity
        return served if is_earlier_name(held, served) else None


def open_exchange(
    exchange_url: str, archive_url: str, patience: RequestRetryPolicy | None = None
) -> Exchange:
    """Clients for both doors. Nothing is asked yet. Raises WrongUse for a malformed address."""
    return Exchange(BinanceRest(exchange_url, patience), DailyArchive(archive_url, patience))
