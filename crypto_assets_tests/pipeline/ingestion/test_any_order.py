"""Loading the lake's objects in any order, repeated or overlapping, gives the same warehouse."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crypto_assets.errors import ObjectMissing
from crypto_assets.lake import build_klines_object
from crypto_assets.market.candles import KlineRow
from crypto_assets.market.lake_object import LakeObject, Source
from crypto_assets.market.raw_klines import RawKlines
from crypto_assets.market.utc_time import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Window,
    day_of,
    day_start_ms,
    group_consecutive_days,
)
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.ingestion.symbol_pipeline import SymbolPipeline
from crypto_assets.pipeline.recovery.rebuild import rebuild_from_lake
from crypto_assets.pipeline.stages.lake_reader import read_lake_minutes
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets.warehouse.engine.schema import extraction_metadata
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import NOON, StartExchange

SYMBOL = "BTCUSDT"
MIDNIGHT = day_start_ms(date(2025, 3, 3))
# The objects' minutes are around two midnights, with a day between that may stay empty, and around
# the end of an hour.
PLACES = [
    *(MIDNIGHT + n * MINUTE_MS for n in range(-3, 4)),
    MIDNIGHT + HOUR_MS - MINUTE_MS,
    MIDNIGHT + 2 * DAY_MS,
]
CLOSED_BEFORE = MIDNIGHT + 3 * DAY_MS
FETCHED = MIDNIGHT + 30 * DAY_MS
LATER = [stage for stage in KlinesStage if stage is not KlinesStage.RAW]
EXTRACTION_COLUMNS = [column.name for column in extraction_metadata.columns]
# The columns that a rebuild from the lake alone must reproduce.
DATA = {
    "fact_klines": "*",
    "hourly_klines": "*",
    "daily_klines": "*",
    "stale_hours": "*",
    "extraction_metadata": ", ".join(EXTRACTION_COLUMNS),
    "kline_gaps": "symbol_id, start, `end`, minutes, class",
}
SIDES = ", ".join(
    f"{side}_{name}"
    for side in ("old", "new")
    for name in ("open", "close", "volume", "trade_count", "fetched_at", "source")
)
NOT_CLOSED = "closed_at IS NULL"
EVERYTHING = (*DATA, "kline_revisions", "lake_objects", "quarantine")

Piece = tuple[LakeObject, bytes]


@dataclass(frozen=True)
class Delivery:
    """Objects in some order, some of them twice, split into loads."""

    loads: tuple[tuple[Piece, ...], ...]


def row(open_time: int, version: int) -> KlineRow:
    """A version of a minute; every fourth minute has no volume."""
    prices = [f"{100 + version}.25"] * 4
    traded: KlineRow = ["0", "0", 0, "0", "0"]
    if open_time // MINUTE_MS % 4:
        traded = [f"{7 + version}.5", "70", 3, "1", "10"]
    return [open_time, *prices, traded[0], open_time + MINUTE_MS - 1, *traded[1:], "0"]


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    """A few minutes of one day, with or without a hole, sometimes with invalid rows.

    Some are imports: minutes that an archive file of the day lacks do not exist.
    """
    start = draw(st.sampled_from(PLACES))
    times = [start + n * MINUTE_MS for n in range(draw(st.integers(1, 3)))]
    own = [at for at in times if day_of(at) == day_of(start)]
    if len(own) == 3 and draw(st.booleans()):
        del own[1]
    rows = [row(at, draw(st.integers(0, 2))) for at in own]
    if draw(st.integers(0, 3)) == 0:
        for place in draw(st.sets(st.integers(0, len(rows) - 1), min_size=1)):
            rows[place] = invalid(rows[place])
    source = draw(st.sampled_from(list(Source)))
    return piece(rows, source, FETCHED + draw(st.integers(0, 3)))


def invalid(valid: KlineRow) -> KlineRow:
    return [*valid[:5], "-1", *valid[6:]]


def piece(rows: list[KlineRow], source: Source, fetched_at: int = FETCHED) -> Piece:
    return build_klines_object("raw", SYMBOL, RawKlines.from_rows(rows), source, fetched_at)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[Delivery, Delivery]:
    """Two deliveries of the same objects."""
    given_objects = draw(
        st.lists(pieces(), min_size=1, max_size=6, unique_by=lambda each: each[0].key)
    )
    return _delivery(draw, given_objects), _delivery(draw, given_objects)


def _delivery(draw: st.DrawFn, objects: Sequence[Piece]) -> Delivery:
    again = draw(st.lists(st.sampled_from(objects), max_size=2))
    loads: list[list[Piece]] = [[]]
    for each in [*draw(st.permutations(objects)), *again]:
        if draw(st.booleans()):
            loads.append([])
        loads[-1].append(each)
    return Delivery(tuple(tuple(load) for load in loads if load))


def deliver(platform: PipelineContext, delivery: Delivery) -> None:
    for load in delivery.loads:
        for item, body in load:
            platform.raw_lake.put(
                item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows
            )
        platform.warehouse.lake_objects.record_objects([item for item, _ in load])
        days = sorted({day_of(item.first_time) for item, _ in load})
        with ThreadPoolExecutor(1) as pool:
            for window in group_consecutive_days(days):
                pipeline = SymbolPipeline(platform, SYMBOL, window, LATER, CLOSED_BEFORE, pool)
                for outcome in pipeline.load_stored_days(list(window.iter_days()), []):
                    # A day with invalid rows only has nothing stored.
                    assert outcome.error is None or isinstance(outcome.error, ObjectMissing)


def state(platform: PipelineContext) -> dict[str, Any]:
    """The candles and gaps in the tables, without load times."""
    found = {table: _rows(platform, table, columns) for table, columns in DATA.items()}
    return found | {"kline_gaps": _rows(platform, "kline_gaps", DATA["kline_gaps"], NOT_CLOSED)}


def history(platform: PipelineContext) -> list[Any]:
    """The revisions by sources of the same rank as the stored minute's.

    A version of a lower rank is recorded only if it was stored or met a stored one. One that was
    refused before is only in quarantine.
    """
    stored = "SELECT open_time FROM fact_klines WHERE source"
    changed = (
        f"(old_source = 'verified' AND open_time IN ({stored} = 'verified'))"
        " OR (old_source IN ('rest', 'archive') AND new_source <> 'verified'"
        f" AND open_time IN ({stored} IN ('rest', 'archive')))"
    )
    return _rows(platform, "kline_revisions", f"open_time, {SIDES}", changed)


def _rows(platform: PipelineContext, table: str, columns: str, where: str = "1 = 1") -> list[Any]:
    database: Any = platform.warehouse._database
    statement = f"SELECT {columns} FROM {table} WHERE {where}"
    rows = database.run_primary_read(lambda c: c.exec_driver_sql(statement).all())
    return sorted((tuple(row) for row in rows), key=repr)


def forget(platform: PipelineContext, *, lake: bool) -> None:
    """Empty the warehouse's tables; with `lake`, the lake too."""
    if lake:
        platform.raw_lake.delete([entry.key for entry in platform.raw_lake.list_entries()])
    database: Any = platform.warehouse._database
    for table in EVERYTHING:
        database.run_write(lambda c, name=table: c.exec_driver_sql(f"DELETE FROM {name}"))


@pytest.fixture
def sqlite(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> Iterator[PipelineContext]:
    yield build_platform(simulated_exchange(now=NOON), SYMBOL)


@pytest.fixture
def server(
    simulated_exchange: StartExchange, build_platform: BuildPlatform, mariadb_warehouse_url: str
) -> Iterator[PipelineContext]:
    yield build_platform(simulated_exchange(now=NOON), SYMBOL, warehouse_url=mariadb_warehouse_url)


def assert_same_end(platform: PipelineContext, ways: tuple[Delivery, Delivery]) -> None:
    ends = []
    for way in ways:
        forget(platform, lake=True)
        deliver(platform, way)
        ends.append(state(platform) | {"kline_revisions": history(platform)})
    _equal(ends[0], ends[1], "the other delivery")
    for exact in (False, True):
        rebuilt(platform, exact=exact)
        end = state(platform) | {"kline_revisions": history(platform)}
        _equal(ends[0], end, f"rebuilt in place, exact: {exact}")
    for exact in (False, True):
        forget(platform, lake=False)
        rebuilt(platform, exact=exact)
        known = [ends[0], state(platform)]
        if is_compacted(platform, ways[1]):
            known = [without_last_fetch(each) for each in known]
        _equal(*known, f"from the lake alone, exact: {exact}")


def is_compacted(platform: PipelineContext, delivery: Delivery) -> bool:
    """Whether the lake lacks objects of a delivery, of which no minute counts."""
    delivered = {item.key for load in delivery.loads for item, _ in load}
    return delivered != {entry.key for entry in platform.raw_lake.list_entries()}


def without_last_fetch(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out the last fetch, which may be that of an object that the lake does not have."""
    place = EXTRACTION_COLUMNS.index("last_fetch_time")
    marks = [row[:place] + row[place + 1 :] for row in found["extraction_metadata"]]
    return found | {"extraction_metadata": marks}


def _equal(one: dict[str, Any], other: dict[str, Any], how: str) -> None:
    for table, rows in other.items():
        assert one[table] == rows, f"{table}, {how}"


def rebuilt(platform: PipelineContext, *, exact: bool) -> None:
    assert [one.error for one in rebuild_from_lake(platform, exact=exact)] == [None]


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ways=deliveries())
def test_any_delivery_gives_the_same_warehouse_on_sqlite(
    sqlite: PipelineContext, ways: tuple[Delivery, Delivery]
) -> None:
    assert_same_end(sqlite, ways)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ways=deliveries())
def test_any_delivery_gives_the_same_warehouse_on_mariadb(
    server: PipelineContext, ways: tuple[Delivery, Delivery]
) -> None:
    assert_same_end(server, ways)


FIRST, SECOND = row(MIDNIGHT - 3 * MINUTE_MS, 0), row(MIDNIGHT - 2 * MINUTE_MS, 0)
# The hour of FIRST and SECOND has a verified object without a valid row; another day has a verified
# minute.
UNPROVEN_HOUR = (
    piece([invalid(FIRST), SECOND], Source.REST),
    piece([invalid(FIRST)], Source.VERIFIED),
    piece([row(PLACES[-1], 0)], Source.VERIFIED),
)


@pytest.mark.parametrize("database", ["sqlite", "server"])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_a_verified_object_without_a_valid_row_rules_out_no_minute(
    database: str, order: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    platform = request.getfixturevalue(database)
    together = Delivery((tuple(UNPROVEN_HOUR[n] for n in order),))
    apart = Delivery(tuple((UNPROVEN_HOUR[n],) for n in order))
    assert_same_end(platform, (together, apart))
    stored = platform.warehouse.facts.list_open_times(SYMBOL, Window(0, CLOSED_BEFORE))
    assert stored == {SECOND[0], PLACES[-1]}


def test_a_verified_minute_whose_object_has_expired_still_rules_out_others(
    sqlite: PipelineContext,
) -> None:
    fetched = piece([FIRST, SECOND], Source.REST, FETCHED + DAY_MS)
    verified = piece([FIRST], Source.VERIFIED)
    deliver(sqlite, Delivery(((verified, fetched),)))
    sqlite.raw_lake.delete([verified[0].key])
    sqlite.warehouse.lake_objects.forget_objects([verified[0]])
    stored = state(sqlite)
    minutes = read_lake_minutes(sqlite, SYMBOL, Window.of_day(day_of(FIRST[0])))
    assert minutes.candles["open_time"].to_pylist() == [FIRST[0]]
    rebuilt(sqlite, exact=False)
    assert state(sqlite)["fact_klines"] == stored["fact_klines"]


@pytest.mark.parametrize("database", ["sqlite", "server"])
def test_a_rebuild_reads_an_object_without_a_valid_row_as_a_load_does(
    database: str, request: pytest.FixtureRequest
) -> None:
    """An import adds no minute to a day whose archive file is in the lake, whatever its rows."""
    platform = request.getfixturevalue(database)
    imported = Delivery(((piece([SECOND], Source.IMPORT),),))
    archived = Delivery(((piece([invalid(FIRST)], Source.ARCHIVE),),))
    for exact in (False, True):
        forget(platform, lake=True)
        deliver(platform, imported)
        [(item, body)] = archived.loads[0]
        platform.raw_lake.delete([imported.loads[0][0][0].key])
        platform.raw_lake.put(
            item.key, body, fetched_at=item.fetched_at, source=item.source, rows=item.rows
        )
        rebuilt(platform, exact=exact)
        end = state(platform)
        assert end["fact_klines"] == []
        forget(platform, lake=True)
        deliver(platform, Delivery((*imported.loads, *archived.loads)))
        _equal(state(platform), end, f"rebuilt, exact: {exact}")


@pytest.mark.parametrize("database", ["sqlite", "server"])
def test_an_import_that_an_archive_file_refuses_leaves_the_same_in_every_order(
    database: str, request: pytest.FixtureRequest
) -> None:
    platform = request.getfixturevalue(database)
    archived = piece([invalid(FIRST)], Source.ARCHIVE, FETCHED + 1)
    imported = piece([FIRST], Source.IMPORT)
    together = Delivery(((archived, imported),))
    apart = Delivery(((imported,), (archived,)))
    assert_same_end(platform, (together, apart))
    assert state(platform)["fact_klines"] == []
