"""Status, ingestion log, deduplication, storage, gaps and quality."""

from dataclasses import replace
from pathlib import Path

import pytest

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, Window
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.conftest import HOLE, NOW, STOCK, UNTIL
from crypto_assets_tests.api.serving import Api, create_context, serve_api
from crypto_assets_tests.warehouse.minutes import (
    FETCHED,
    START,
    SYMBOL,
    batch,
    minute,
    minutes,
    table,
    track,
)


def test_status_shows_what_is_stored_per_symbol(api: Api) -> None:
    status = api.read("/api/pipeline/status")["data"]
    assert status["as_of"] == NOW
    btc, shib, xrp = status["symbols"]
    assert btc["rows"] == 4 * 1440 - 140 and btc["coverage"] == 1 and btc["open_gaps"] == 0
    assert (shib["first_open_time"], shib["last_open_time"]) == (
        STOCK.start_ms,
        UNTIL - MINUTE_MS,
    )
    assert shib["lag_ms"] == MINUTE_MS // 2
    assert xrp["first_open_time"] is None and xrp["lag_ms"] is None
    storage = api.read("/api/pipeline/storage")["data"]
    # An estimate, which the server may renew between two requests.
    assert status["storage"].pop("warehouse_bytes") > 0 and storage.pop("warehouse_bytes") > 0
    assert status["storage"] == storage


def test_the_log_is_paged_newest_first(api: Api) -> None:
    first = api.get("/api/pipeline/ingestion-log", limit=1)
    (newest,) = first.json()["data"]
    second = api.get(first.links["next"]["url"])
    (older,) = second.json()["data"]
    assert newest["fetched_at"] == older["fetched_at"] == UNTIL
    assert {newest["symbol"], older["symbol"]} == {"BTCUSDT", "SHIBUSDT"}
    assert newest["loaded_at"] is not None and newest["kind"] == "klines"
    assert "next" not in api.get("/api/pipeline/ingestion-log", limit=1000).links
    before = api.read("/api/pipeline/ingestion-log", end=UNTIL)["data"]
    assert len(before) == 8 and before[0]["fetched_at"] < UNTIL


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_the_log_is_paged_while_objects_arrive(
    warehouse: Warehouse, tmp_path: Path, limit: int
) -> None:
    def fetch(*times: int) -> None:
        at = len(warehouse.lake_objects.list_latest())
        item = batch(minutes(START, 1))[0]
        warehouse.lake_objects.record_objects(
            [replace(item, key=f"{at + n}", fetched_at=FETCHED + t) for n, t in enumerate(times)]
        )

    track(warehouse)
    fetch(1, 2, 2, 2, 3, 4, 4)
    expected = [item.key for item in warehouse.lake_objects.list_latest()]
    with serve_api(create_context(warehouse, tmp_path)) as api:
        seen, path = [], f"/api/pipeline/ingestion-log?limit={limit}"
        while path:
            answer = api.get(path)
            seen += [item["key"] for item in answer.json()["data"]]
            path = answer.links["next"]["url"] if "next" in answer.links else ""
            fetch(5 + len(seen))
    assert seen == expected


def test_deduplication_counts_the_requested_days(api: Api) -> None:
    found = api.read("/api/pipeline/deduplication", days=2)["data"]
    assert found["end"] - found["start"] == 2 * DAY_MS
    assert found["repeated"] == 0
    btc, shib, _ = found["symbols"]
    assert btc["delivered"] == btc["held"] == 1440 + 754 - 140
    assert (shib["delivered"], shib["objects"]) == (1440 + 754, 2)


def test_storage_counts_objects_and_bytes(api: Api) -> None:
    storage = api.read("/api/pipeline/storage")["data"]
    (raw,) = storage["lake"]
    assert (raw["bucket"], raw["kind"], raw["objects"]) == ("raw", "klines", 10)
    assert storage["lake_bytes"] == raw["size_bytes"] == 150 * (2 * 4 * 1440 - 140)
    assert storage["warehouse_bytes"] > 0


def test_gaps_are_filtered_by_symbol_and_time(api: Api, stocked: Warehouse) -> None:
    (gap,) = api.read("/api/pipeline/gaps", symbol="btcusdt")["data"]
    assert (gap["start"], gap["end"]) == (HOLE.start_ms, HOLE.end_ms - MINUTE_MS)
    assert (gap["class"], gap["minutes"]) == ("outage", 140)
    assert gap["evidence"] == "the exchange has none"
    assert api.read("/api/pipeline/gaps", end=HOLE.start_ms)["data"] == []
    assert len(api.read("/api/pipeline/gaps", start=HOLE.start_ms)["data"]) == 1
    paged = api.get("/api/pipeline/gaps", symbol="BTCUSDT", limit=1)
    assert paged.links == {}
    assert stocked.gap_ledger.list_gaps("BTCUSDT")[0].start == gap["start"]


def test_gaps_inside_closed_gaps_are_paged(warehouse: Warehouse, tmp_path: Path) -> None:
    hour = [START + n * MINUTE_MS for n in range(60)]
    track(warehouse)
    for opened in (hour[:1] + hour[-1:], hour[1:10], hour[10:20]):
        one = batch(table([minute(at) for at in opened]))
        warehouse.lake_objects.record_objects([one[0]])
        warehouse.facts.load_objects(SYMBOL, [one])
        warehouse.gap_ledger.refresh_gaps(SYMBOL, Window(START, START + HOUR_MS))
    with serve_api(create_context(warehouse, tmp_path)) as api:
        path = f"/api/pipeline/gaps?symbol={SYMBOL}&closed=true"
        expected = [gap["start"] for gap in api.read(path)["data"]]
        assert expected == [hour[1], hour[10], hour[20]]
        seen, path = [], f"{path}&limit=1"
        while path:
            answer = api.get(path)
            seen += [gap["start"] for gap in answer.json()["data"]]
            path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert seen == expected


def test_quality_shows_quarantined_records(api: Api) -> None:
    quality = api.read("/api/pipeline/quality")["data"]
    assert quality["quarantined"] == 1 and quality["revisions"] == []
    assert quality["quarantine"][0]["reason"] == "high below low"
    assert [one["symbol"] for one in quality["symbols"]] == ["BTCUSDT", "SHIBUSDT", "XRPUSDT"]
