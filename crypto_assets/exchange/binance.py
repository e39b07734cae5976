"""Binance, or any exchange with the same API: the simulated one among them."""

from dataclasses import dataclass

from crypto_assets.errors import ForeignExchange
from crypto_assets.exchange.archive import DailyArchive
from crypto_assets.exchange.identity import (
    is_earlier_name,
    is_hidden_recording,
    is_unnamed_server,
)
from crypto_assets.exchange.recording import Recording
from crypto_assets.exchange.rest import BinanceRest
from crypto_assets.market.exchange_name import shorten_exchange_name
from crypto_assets.setting_names import DEFAULT_NAMES, SettingNames


@dataclass(frozen=True)
class BinanceExchange:
    """An `Exchange` with Binance's REST API and daily archive."""

    rest: BinanceRest
    archive: DailyArchive
    names: SettingNames = DEFAULT_NAMES

    def resolve_identity(self) -> str:
        """Return the name of the exchange.

        An unknown server that does not name its exchange is a mirror of the archive that belongs
        to REST. A mirror may hide a recording's list of files; then the digests are compared.
        Raises ForeignExchange where REST API and archive belong to two exchanges.
        """
        rest, archive = self.rest.fetch_identity(), self.archive.fetch_identity()
        is_same = (
            rest == archive
            or is_unnamed_server(archive)
            or is_earlier_name(archive, rest)
            or is_hidden_recording(archive, rest)
        )
        if not is_same:
            raise ForeignExchange(
                f"{self.rest.base_url} is {shorten_exchange_name(rest)}, but the archive "
                f"{self.archive.base_url} is {shorten_exchange_name(archive)}: set "
                f"{self.names.exchange_url} and {self.names.archive_url} to one exchange"
            )
        return rest

    def continue_identity(self, stored: str | None, served: str) -> str | None:
        """Return the new name of the exchange `stored`, or None where `served` is another one.

        The name changes where an earlier version of this program gave another one, and where a
        recording has grown. Raises ForeignExchange where the two are different recordings.
        """
        if stored is None or stored == served:
            return stored
        before, now = Recording.parse_identity(stored), Recording.parse_identity(served)
        if before and now:
            return self.rest.continue_recording(before, now).identity
        return served if is_earlier_name(stored, served) else None
