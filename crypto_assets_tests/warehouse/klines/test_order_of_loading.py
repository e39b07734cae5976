"""Loading objects in any order, repeatedly and with overlaps gives the same warehouse."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto_assets.market.candles import Candle
from crypto_assets.market.lake_object import LakeObject, Source
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.klines.facts import KlinesBatch
from crypto_assets_tests.warehouse.minutes import (
    FETCHED,
    START,
    SYMBOL,
    batch,
    minute,
    table,
    track,
)

WINDOW = Window(START, START + DAY_MS)
# The minutes cross the end of an hour, so that objects make two hours stale.
FIRST = START + HOUR_MS - 3 * MINUTE_MS


@st.composite
def objects(draw: st.DrawFn) -> KlinesBatch:
    """A few consecutive minutes with few distinct values and fetch times: objects conflict."""
    start = FIRST + draw(st.integers(0, 5)) * MINUTE_MS
    rows = [
        minute(
            start + n * MINUTE_MS,
            base=draw(st.sampled_from([100, 101, 102])),
            volume=(start + n) % 3,
        )
        for n in range(draw(st.integers(1, 3)))
    ]
    fetched_at = FETCHED + draw(st.integers(0, 3))
    return batch(table(rows), fetched_at, draw(st.sampled_from(list(Source))))


@st.composite
def two_deliveries(draw: st.DrawFn) -> tuple[list[list[KlinesBatch]], list[list[KlinesBatch]]]:
    """The same objects twice, each time in another order, with repetitions, in other loads."""
    found = draw(st.lists(objects(), min_size=1, max_size=5))
    return _delivery(draw, found), _delivery(draw, found)


def _delivery(draw: st.DrawFn, found: Sequence[KlinesBatch]) -> list[list[KlinesBatch]]:
    places = list(range(len(found)))
    order = [*draw(st.permutations(places)), *draw(st.lists(st.sampled_from(places), max_size=3))]
    loads: list[list[KlinesBatch]] = [[]]
    for place in order:
        if draw(st.booleans()):
            loads.append([])
        loads[-1].append(found[place])
    return loads


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=two_deliveries())
def test_the_order_of_loading_does_not_matter(
    warehouse: Warehouse, deliveries: tuple[list[list[KlinesBatch]], ...]
) -> None:
    ends = []
    for number, loads in enumerate(deliveries):
        name = f"COIN{number}USDT"
        _delete_symbol(warehouse, name)
        track(warehouse, name)
        for load in loads:
            own = [(_of_symbol(item, name), candles) for item, candles in load]
            warehouse.lake_objects.record_objects([item for item, _ in own])
            warehouse.facts.load_objects(name, own)
            warehouse.aggregates.recompute_hours(name, WINDOW, START + DAY_MS)
        # An hour whose only minutes were imported and refused leaves its day stale.
        warehouse.aggregates.recompute_days(name, WINDOW, START + DAY_MS)
        ends.append(_state(warehouse, name))
    assert ends[0] == ends[1]


def _of_symbol(item: LakeObject, name: str) -> LakeObject:
    return replace(item, symbol=name, key=item.key.replace(SYMBOL, name))


def _state(warehouse: Warehouse, name: str) -> dict[str, Any]:
    """Read everything that is stored of a symbol, except when it was recorded."""
    revisions = warehouse.revisions.list_revisions(name)
    mark = warehouse.watermarks.get_watermark(name)
    facts = warehouse.facts.read_fetched_candles(name, WINDOW).to_pylist()
    stored = {row["open_time"]: Source(row["source"]).rank for row in facts}
    return {
        "facts": _rows(warehouse, "fact_klines", name),
        "hours": _rows(warehouse, "hourly_klines", name),
        "days": _rows(warehouse, "daily_klines", name),
        "stale": _rows(warehouse, "stale_hours", name),
        "revisions": sorted(
            (
                _side(revision.old, revision.old_fetched_at, revision.old_source),
                _side(revision.new, revision.new_fetched_at, revision.new_source),
            )
            for revision in revisions
            # A version that was refused before a better source had its minute does not count.
            if {Source(revision.old_source).rank, Source(revision.new_source).rank}
            == {stored.get(revision.open_time)}
        ),
        "watermark": mark,
    }


def _side(candle: Candle, fetched_at: int, source: str) -> tuple[Any, ...]:
    return (*vars(candle).values(), fetched_at, source)


def _rows(warehouse: Warehouse, name: str, symbol: str) -> list[tuple[Any, ...]]:
    ident = warehouse.symbols.get_id(symbol)
    statement = f"SELECT * FROM {name} WHERE symbol_id = {ident} ORDER BY open_time"
    rows = warehouse._database.run_primary_read(lambda c: c.exec_driver_sql(statement).all())
    return [tuple(row)[1:] for row in rows]


def _delete_symbol(warehouse: Warehouse, symbol: str) -> None:
    """Delete everything of a symbol: the examples of a test share a warehouse."""
    track(warehouse, symbol)
    ident = warehouse.symbols.get_id(symbol)
    names = (
        "fact_klines",
        "hourly_klines",
        "daily_klines",
        "stale_hours",
        "kline_revisions",
        "extraction_metadata",
    )

    def clear(connection: Any) -> None:
        for name in names:
            connection.exec_driver_sql(f"DELETE FROM {name} WHERE symbol_id = {ident}")
        for name in ("lake_objects", "quarantine"):
            connection.exec_driver_sql(f"DELETE FROM {name} WHERE symbol = '{symbol}'")

    warehouse._database.run_write(clear)


def test_a_revision_has_both_values_and_sources(warehouse: Warehouse) -> None:
    track(warehouse)
    load = warehouse.facts.load_objects
    load(SYMBOL, [batch(table([minute(START, 100)]), FETCHED, Source.REST)])
    load(SYMBOL, [batch(table([minute(START, 105)]), FETCHED + 9)])
    (revision,) = warehouse.revisions.list_revisions(SYMBOL)
    assert _side(revision.old, revision.old_fetched_at, revision.old_source) == (
        *minute(START, 100).values(),
        FETCHED,
        "rest",
    )
    assert _side(revision.new, revision.new_fetched_at, revision.new_source) == (
        *minute(START, 105).values(),
        FETCHED + 9,
        "archive",
    )
    assert warehouse.revisions.list_revisions() == [revision]
    assert warehouse.revisions.list_revisions(SYMBOL, Window(START + 1, START + DAY_MS)) == []


def test_a_confirmed_revision_keeps_the_time_at_which_it_was_recorded(warehouse: Warehouse) -> None:
    track(warehouse)
    for fetched, base in ((0, 100), (1, 105), (2, 105)):
        rows = table([minute(START, base), minute(START + MINUTE_MS, 100)])
        warehouse.facts.load_objects(SYMBOL, [batch(rows, FETCHED + fetched)])
        if fetched == 1:
            (recorded,) = warehouse.revisions.list_revisions(SYMBOL)
    (revision,) = warehouse.revisions.list_revisions(SYMBOL)
    assert revision.new_fetched_at == FETCHED + 2
    assert revision.noted_at == recorded.noted_at


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        (Source.IMPORT, Source.REST),
        (Source.IMPORT, Source.ARCHIVE),
        (Source.REST, Source.VERIFIED),
        (Source.ARCHIVE, Source.VERIFIED),
    ],
)
@pytest.mark.parametrize("weaker_first", [True, False])
def test_a_source_of_higher_rank_counts_regardless_of_fetch_time(
    warehouse: Warehouse, weaker: Source, stronger: Source, weaker_first: bool
) -> None:
    track(warehouse)
    loads = [
        batch(table([minute(START, 105)]), FETCHED + 9, weaker),
        batch(table([minute(START, 100)]), FETCHED, stronger),
    ]
    for load in loads if weaker_first else reversed(loads):
        warehouse.facts.load_objects(SYMBOL, [load])
    assert _rows(warehouse, "fact_klines", SYMBOL)[0][-1] == stronger.value
    assert warehouse.facts.read_candles(SYMBOL, WINDOW)["open"].to_pylist() == [
        minute(START, 100)["open"]
    ]
    (revision,) = warehouse.revisions.list_revisions(SYMBOL)
    assert (revision.old_source, revision.new_source) == (weaker.value, stronger.value)


@pytest.mark.parametrize("gap", [MINUTE_MS, 3 * DAY_MS])
def test_fetching_equal_values_again_records_no_revision(warehouse: Warehouse, gap: int) -> None:
    track(warehouse)
    rows = table([minute(START), minute(START + gap)])
    for fetched in (0, 1):
        warehouse.facts.load_objects(SYMBOL, [batch(rows, FETCHED + fetched)])
    assert warehouse.revisions.list_revisions(SYMBOL) == []
