"""Order-book snapshots: the first capture of an update id counts; levels expire."""

from decimal import Decimal
from itertools import permutations

from crypto_assets.market.lake_object import ObjectKind
from crypto_assets.market.utc_time import DAY_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.warehouse.books import order_book
from crypto_assets_tests.warehouse.minutes import START, SYMBOL, track

DAY = Window(START, START + DAY_MS)


def test_a_snapshot_reads_back_with_its_figures(mariadb_warehouse: Warehouse) -> None:
    warehouse = mariadb_warehouse
    track(warehouse)
    assert warehouse.order_books.read_latest(SYMBOL) is None
    item, book = order_book(7, START)
    warehouse.lake_objects.record_objects([item])
    assert warehouse.order_books.load_snapshots(SYMBOL, [(item, book)]) == 1
    assert warehouse.order_books.read_latest(SYMBOL) == book
    assert warehouse.order_books.read_snapshots(SYMBOL, DAY).to_pylist() == [
        {
            "captured_at": START,
            "last_update_id": 7,
            "best_bid": Decimal("100.00000001"),
            "best_ask": Decimal("100.00000004"),
            "mid": Decimal("100.000000025"),
            "spread": Decimal("0.00000003"),
            "bid_depth": Decimal("3.5"),
            "ask_depth": Decimal("100000000000"),
            "imbalance": Decimal("-0.9999999999"),
        }
    ]
    assert warehouse.lake_objects.list_unloaded(SYMBOL, ObjectKind.DEPTH, DAY) == []


def test_loading_snapshots_again_adds_nothing(warehouse: Warehouse) -> None:
    track(warehouse)
    books = [order_book(n, START + n * MINUTE_MS) for n in range(3)]
    assert warehouse.order_books.load_snapshots(SYMBOL, books) == 3
    assert warehouse.order_books.load_snapshots(SYMBOL, [*books, *books]) == 0
    assert warehouse.order_books.load_snapshots(SYMBOL, []) == 0
    assert warehouse.order_books.count_snapshots(SYMBOL, DAY) == 3
    mark = warehouse.watermarks.get_watermark(SYMBOL, ObjectKind.DEPTH)
    assert (mark.record_count, mark.last_open_time) == (3, START + 2 * MINUTE_MS)


def test_the_first_capture_counts_in_any_order(warehouse: Warehouse) -> None:
    captures = [order_book(7, START + n * MINUTE_MS, f"{90 + n}") for n in range(3)]
    for number, order in enumerate(permutations(captures)):
        name = f"C{number}USDT"
        track(warehouse, name)
        assert warehouse.order_books.load_snapshots(name, order[:1]) == 1
        assert warehouse.order_books.load_snapshots(name, order[1:]) == 0
        assert warehouse.order_books.read_latest(name) == captures[0][1]
        (snapshot,) = warehouse.order_books.read_snapshots(name, DAY).to_pylist()
        assert (snapshot["captured_at"], snapshot["best_bid"]) == (START, 90)


def test_reading_snapshots_respects_window_and_limit(warehouse: Warehouse) -> None:
    track(warehouse)
    books = [order_book(n, START + n * MINUTE_MS) for n in range(5)]
    warehouse.order_books.load_snapshots(SYMBOL, books)
    snapshots = warehouse.order_books.read_snapshots
    window = Window(START + MINUTE_MS, START + 4 * MINUTE_MS)
    assert snapshots(SYMBOL, window)["last_update_id"].to_pylist() == [1, 2, 3]
    newest = snapshots(SYMBOL, DAY, limit=2, newest=True)
    assert newest["last_update_id"].to_pylist() == [3, 4]
    assert warehouse.order_books.count_snapshots(SYMBOL, window) == 3


def test_levels_expire_and_figures_stay(warehouse: Warehouse) -> None:
    track(warehouse)
    books = [order_book(n, START + n * DAY_MS) for n in range(3)]
    warehouse.order_books.load_snapshots(SYMBOL, books)
    assert warehouse.order_books.expire_levels(SYMBOL, START - DAY_MS) == 0, (
        "no snapshot is that old"
    )
    assert warehouse.order_books.expire_levels(SYMBOL, START + 2 * DAY_MS) == 8
    assert warehouse.order_books.expire_levels(SYMBOL, START + 2 * DAY_MS) == 0
    assert warehouse.order_books.read_latest(SYMBOL) == books[2][1]
    assert warehouse.order_books.count_snapshots(SYMBOL, Window(START, START + 3 * DAY_MS)) == 3
    assert warehouse.order_books.expire_levels(SYMBOL, START + 9 * DAY_MS) == 4
    assert warehouse.order_books.read_latest(SYMBOL) is None
