"""Pages of rows contain every row once, in order, in both directions, for every table."""

from decimal import Decimal
from itertools import pairwise

import pytest

from crypto_assets.errors import UnknownSymbol, WrongUse
from crypto_assets.market.lake_object import LakeObject, ObjectKind, Source
from crypto_assets.market.order_book import OrderBook, PriceLevel
from crypto_assets.market.utc_time import HOUR_MS, MINUTE_MS, Window
from crypto_assets.reports import ExplorerDataset, Reports, RowPage
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.reports.conftest import HOLE, STOCK, UNTIL
from crypto_assets_tests.reports.stock import describe

# Ten minutes before the gap, the gap, and ten minutes after it.
ACROSS = Window(HOLE.start_ms - 10 * MINUTE_MS, HOLE.end_ms + 10 * MINUTE_MS)


def times(rows: RowPage, dataset: ExplorerDataset) -> list[int]:
    found: list[int] = rows.table[dataset.time_column].to_pylist()
    return found


@pytest.mark.parametrize(
    ("dataset", "limit"),
    [(ExplorerDataset.MINUTES, 7), (ExplorerDataset.HOURS, 50), (ExplorerDataset.DAYS, 4)],
)
def test_paging_returns_each_row_once_in_both_directions(
    reports: Reports, dataset: ExplorerDataset, limit: int
) -> None:
    window = ACROSS if dataset is ExplorerDataset.MINUTES else STOCK
    pages = [reports.get_row_page(dataset, "BTCUSDT", window, limit=limit)]
    while (older := pages[-1].older) is not None:
        pages.append(reports.get_row_page(dataset, "BTCUSDT", window, older, limit))
    assert pages[0].newer is None
    seen = [time for page in pages for time in times(page, dataset)]
    every = reports.get_all_rows(dataset, "BTCUSDT", window)[dataset.time_column].to_pylist()
    assert len(pages) > 2
    assert seen == every[::-1]
    for page, older_one in pairwise(pages):
        back = reports.get_row_page(dataset, "BTCUSDT", window, older_one.newer, limit)
        assert times(back, dataset) == times(page, dataset)


def test_minutes_show_their_source_and_fetch_time(reports: Reports) -> None:
    page = reports.get_row_page(ExplorerDataset.MINUTES, "BTCUSDT", STOCK, limit=1)
    (row,) = page.table.to_pylist()
    assert (row["open_time"], row["source"], row["fetched_at"]) == (
        UNTIL - MINUTE_MS,
        "rest",
        UNTIL,
    )


def test_hours_show_their_minute_count(reports: Reports) -> None:
    window = Window(HOLE.end_ms - HOUR_MS, HOLE.end_ms + HOUR_MS)
    page = reports.get_row_page(ExplorerDataset.HOURS, "BTCUSDT", window)
    assert page.table["minute_count"].to_pylist() == [60]
    assert page.table["partial"].to_pylist() == [False]


def test_before_is_clipped_to_the_window(reports: Reports) -> None:
    far = reports.get_row_page(ExplorerDataset.MINUTES, "BTCUSDT", ACROSS, before=UNTIL + HOUR_MS)
    assert (far.table.num_rows, far.newer) == (20, None)
    early = reports.get_row_page(ExplorerDataset.MINUTES, "BTCUSDT", ACROSS, before=0, limit=100)
    assert (early.table.num_rows, early.older, early.newer) == (0, None, ACROSS.end_ms)


def test_books_have_their_levels(warehouse: Warehouse) -> None:
    warehouse.symbols.register_symbols([describe("BTCUSDT")])
    book = OrderBook(
        last_update_id=5,
        captured_at=UNTIL,
        bids=(PriceLevel(Decimal(9), Decimal(2)),),
        asks=(PriceLevel(Decimal(11), Decimal(3)),),
    )
    item = LakeObject(
        "raw", "k", "BTCUSDT", ObjectKind.DEPTH, Source.REST, UNTIL, UNTIL, 2, 9, "s", UNTIL
    )
    warehouse.order_books.load_snapshots("BTCUSDT", [(item, book)])
    reports = Reports(warehouse)
    page = reports.get_row_page(ExplorerDataset.BOOKS, "BTCUSDT", Window(0, UNTIL + 1))
    assert page.table["last_update_id"].to_pylist() == [5]
    assert reports.get_order_book("BTCUSDT", 5) == book
    assert reports.get_order_book("BTCUSDT", 6) is None


def test_invalid_arguments_are_refused(reports: Reports) -> None:
    with pytest.raises(WrongUse, match="limit must be 1 to"):
        reports.get_row_page(ExplorerDataset.DAYS, "BTCUSDT", STOCK, limit=0)
    with pytest.raises(UnknownSymbol):
        reports.get_row_page(ExplorerDataset.DAYS, "NOPE", STOCK)


def test_the_log_pages_through_objects_of_the_same_millisecond(warehouse: Warehouse) -> None:
    items = [
        LakeObject(
            bucket, key, "BTCUSDT", ObjectKind.KLINES, Source.REST, 0, 0, 1, 9, "s", fetched_at
        )
        for bucket, key, fetched_at in (
            ("archive", "b", 1000),
            ("raw", "a", 1000),
            ("raw", "b", 1000),
            ("raw", "c", 999),
            ("raw", "d", 1001),
        )
    ]
    warehouse.lake_objects.record_objects(items)
    reports = Reports(warehouse)
    seen = [first := reports.list_ingestion_log(1)[0]]
    while page := reports.list_ingestion_log(2, after=seen[-1]):
        seen += page
    assert first.key == "d"
    assert seen == reports.list_ingestion_log(10)
    assert len(seen) == 5
