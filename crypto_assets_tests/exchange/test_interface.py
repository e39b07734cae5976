"""A second exchange needs no class of ours: the `Exchange` protocol is enough for the pipeline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from crypto_assets.errors import ArchiveMissing
from crypto_assets.exchange import Exchange, ExchangeInfo
from crypto_assets.market.candles import KlineRow, table_from_rows
from crypto_assets.market.intervals import Interval
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.symbols import Symbol
from crypto_assets.market.utc_time import DAY_MS, Window, day_of
from crypto_assets.pipeline.stages.fetch import fetch_day
from crypto_assets_tests.exchange.responses import START, minutes


class OtherRest:
    """A REST API with one day of minutes."""

    base_url = "https://other.example"

    def fetch_server_time(self) -> int:
        return START + 2 * DAY_MS

    def compute_fetch_time(self) -> int:
        return self.fetch_server_time()

    def fetch_exchange_info(self, symbols: Sequence[str] | None = None) -> ExchangeInfo:
        return ExchangeInfo(dict[str, Symbol](), 1200)

    def fetch_kline_pages(
        self, symbol: str, interval: Interval, window: Window
    ) -> Iterator[list[KlineRow]]:
        if page := [row for row in minutes(START, 1440) if int(row[0]) in window]:
            yield page

    def fetch_candle_table(self, symbol: str, interval: Interval, window: Window) -> pa.Table:
        pages = self.fetch_kline_pages(symbol, interval, window)
        return table_from_rows([row for page in pages for row in page])

    def fetch_depth(self, symbol: str, limit: int) -> bytes:
        return b'{"lastUpdateId":1,"bids":[],"asks":[]}'


class NoArchive:
    """The archive of an exchange that publishes no files."""

    base_url = "https://other.example"

    def fetch_day(self, symbol: str, day: date) -> RawKlines:
        raise ArchiveMissing(f"other.example publishes no file of {day}")


@dataclass(frozen=True)
class OtherExchange:
    rest: OtherRest = field(default_factory=OtherRest)
    archive: NoArchive = field(default_factory=NoArchive)

    def resolve_identity(self) -> str:
        return "other.example"

    def continue_identity(self, stored: str | None, served: str) -> str | None:
        return served if stored == served else None


def test_the_pipeline_fetches_a_day_of_another_exchange() -> None:
    exchange: Exchange = OtherExchange()
    now = exchange.rest.fetch_server_time()
    fetched = fetch_day(exchange, "BTCUSDT", day_of(START), now)
    rows = [row for part in fetched.parts for row in part.klines.decode_rows()]
    assert rows == minutes(START, 1440)
    assert "publishes no file" in str(fetched.note)
