"""Keys: the layout that other programs read, and what is not part of it."""

from datetime import date

import pytest

from crypto_assets.errors import LakeError
from crypto_assets.lake import (
    KeyParts,
    build_depth_key,
    build_klines_key,
    day_prefix,
    parse_key,
    symbol_prefix,
)
from crypto_assets.market.lake_object import ObjectKind, Source
from crypto_assets.market.utc_time import DAY_MS

START = 1735689600000  # 2025-01-01T00:00Z
LAST = START + DAY_MS - 60_000
NAMES = ("币安人生USDT", "龍" * 45 + "\U00020bb7USDT", "E\u0301USDT")


@pytest.mark.parametrize("source", Source)
def test_a_klines_key_contains_day_symbol_times_and_source(source: Source) -> None:
    key = build_klines_key("BTCUSDT", START, LAST, source)
    assert key == f"2025-01-01/BTCUSDT_klines_1735689600000-1735775940000_{source.value}.json"
    assert parse_key(key) == KeyParts(
        date(2025, 1, 1), "BTCUSDT", ObjectKind.KLINES, START, LAST, source
    )


def test_a_depth_key_contains_day_symbol_and_capture_time() -> None:
    key = build_depth_key("BTCUSDT", START + 1234)
    assert key == "2025-01-01/BTCUSDT_depth_1735689601234.json"
    assert parse_key(key) == KeyParts(
        date(2025, 1, 1), "BTCUSDT", ObjectKind.DEPTH, START + 1234, START + 1234, Source.REST
    )


def test_open_times_off_the_minute_are_kept() -> None:
    key = build_klines_key("BTCUSDT", START + 1_437, START + 61_437, Source.ARCHIVE)
    parts = parse_key(key)
    assert parts is not None
    assert (parts.first_time, parts.last_time) == (START + 1_437, START + 61_437)


@pytest.mark.parametrize(
    "symbol", [*NAMES, "A_B", "1000SATSUSDT", "BTC-USD.P", "A_KLINES", "B_DEPTH_1"]
)
def test_every_valid_symbol_is_parsed(symbol: str) -> None:
    parts = parse_key(build_klines_key(symbol, START, LAST, Source.REST))
    assert parts is not None
    assert parts.symbol == symbol
    assert parse_key(build_depth_key(symbol, START)) is not None


def test_the_longest_name_fits_into_a_file_name() -> None:
    key = build_klines_key("\U00020bb7" * 50, 10**12, 10**12, Source.VERIFIED)
    assert len(key.partition("/")[2].encode()) <= 255


@pytest.mark.parametrize(
    ("first", "last"), [(START, START + DAY_MS), (START - 1, START), (START + 60_000, START)]
)
def test_a_key_with_several_days_or_reversed_times_is_refused(first: int, last: int) -> None:
    with pytest.raises(LakeError, match="one UTC day in order"):
        build_klines_key("BTCUSDT", first, last, Source.REST)


@pytest.mark.parametrize(
    "key",
    [
        "exchange.json",
        "2025-01-01/BTCUSDT_klines_1735689600000-1735775940000_ftp.json",
        "2025-01-02/BTCUSDT_klines_1735689600000-1735775940000_rest.json",
        "2025-01-01/BTCUSDT_klines_1735689600000-1735776000000_rest.json",
        "2025-01-01/BTCUSDT_klines_1735775940000-1735689600000_rest.json",
        "2025-01-01/btcusdt_klines_1735689600000-1735775940000_rest.json",
        "x/2025-01-01/BTCUSDT_klines_1735689600000-1735775940000_rest.json",
        "2025-01-01/BTCUSDT_klines_1735689600000-1735775940000_rest.json.gz",
        f"2025-01-01/{'B' * 51}_depth_1735689601234.json",
        "2025-01-01/BTC€_depth_1735689601234.json",
        "2025-01-01/BTCUSDT_depth_173568960123\uff14.json",
        "2025-13-01/BTCUSDT_depth_1735689601234.json",
        "2025-01-01/BTCUSDT_depth_99999999999999.json",
        "binance/raw/klines/BTCUSDT/1735689600000.json",
    ],
)
def test_a_key_of_another_layout_or_a_wrong_day_is_not_parsed(key: str) -> None:
    assert parse_key(key) is None


def test_keys_begin_with_their_prefixes() -> None:
    day = date(2025, 1, 1)
    assert day_prefix(day) == "2025-01-01/"
    klines = symbol_prefix(day, "BTCUSDT", ObjectKind.KLINES)
    assert build_klines_key("BTCUSDT", START, LAST, Source.REST).startswith(klines)
    assert build_depth_key("BTCUSDT", START).startswith(
        symbol_prefix(day, "BTCUSDT", ObjectKind.DEPTH)
    )
    assert not build_klines_key("BTCUSDTX", START, LAST, Source.REST).startswith(klines)
