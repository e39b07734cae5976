"""Monthly files, and the listing as an S3 client reads it."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config

from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_start_ms
from crypto_assets_tests.services.exchange import ExchangeServer, StartExchange

_BUCKET = "data.binance.vision"
_FEBRUARY = day_start_ms(date(2025, 2, 1))
# Tuesday: of February the daily files are there, of March the first three, no monthly yet of it.
_NOW = day_start_ms(date(2025, 3, 4)) + 6 * HOUR_MS


@pytest.fixture
def server(tmp_path: Path, simulated_exchange: StartExchange) -> ExchangeServer:
    """ABCUSDT with minutes from 30 January 2025 on, XYZBTC with only hours of 1 February."""
    first = day_start_ms(date(2025, 1, 30))
    minutes = [f"{first + n * 10 * MINUTE_MS},1,1,1,1,1" for n in range(40 * 144)]
    header = "open_time,open,high,low,close,volume"
    (tmp_path / "ABCUSDT-1m.csv").write_text("\n".join([header, *minutes]) + "\n")
    hours = [f"{_FEBRUARY + n * HOUR_MS},1,1,1,1,1" for n in range(24)]
    (tmp_path / "XYZBTC-1h.csv").write_text("\n".join([header, *hours]) + "\n")
    return simulated_exchange(data=tmp_path, now=_NOW)


@pytest.fixture
def client(server: ExchangeServer) -> Iterator[Any]:
    config = Config(signature_version=UNSIGNED, s3={"addressing_style": "path"})
    client = boto3.client("s3", endpoint_url=server.url, region_name="none", config=config)
    yield client
    client.close()


def _keys(client: Any, prefix: str, size: int = 1000) -> list[str]:
    pages = client.get_paginator("list_objects").paginate(
        Bucket=_BUCKET, Prefix=prefix, PaginationConfig={"PageSize": size}
    )
    return [entry["Key"] for page in pages for entry in page.get("Contents", ())]


def _folders(client: Any, prefix: str, size: int = 1000) -> list[str]:
    pages = client.get_paginator("list_objects").paginate(
        Bucket=_BUCKET, Prefix=prefix, Delimiter="/", PaginationConfig={"PageSize": size}
    )
    return [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_folders_are_listed_level_by_level(client: Any, size: int) -> None:
    assert _folders(client, "", size) == ["data/"]
    assert _folders(client, "data/spot/", size) == ["data/spot/daily/", "data/spot/monthly/"]
    klines = "data/spot/daily/klines/"
    assert _folders(client, klines, size) == [f"{klines}ABCUSDT/", f"{klines}XYZBTC/"]
    assert _folders(client, f"{klines}XYZBTC/", size) == [f"{klines}XYZBTC/1h/"]
    daily = [place.split("/")[-2] for place in _folders(client, f"{klines}ABCUSDT/", size)]
    assert daily == sorted(
        ["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"],
        key=lambda name: f"{name}/",
    )
    monthly = _folders(client, "data/spot/monthly/klines/ABCUSDT/", size)
    longer = {place.split("/")[-2] for place in monthly} - set(daily)
    assert longer == {"3d", "1w", "1mo"}


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_files_of_a_folder_are_listed_with_size_and_digest(
    client: Any, server: ExchangeServer, size: int
) -> None:
    place = "data/spot/daily/klines/ABCUSDT/1h/"
    keys = _keys(client, place, size)
    days = [date(2025, 1, 30), date(2025, 1, 31)]
    days += [date(2025, 2, n) for n in range(1, 29)] + [date(2025, 3, n) for n in (1, 2, 3)]
    assert keys == [
        f"{place}ABCUSDT-1h-{day}.zip{suffix}" for day in days for suffix in ("", ".CHECKSUM")
    ]
    page = client.list_objects(Bucket=_BUCKET, Prefix=f"{place}ABCUSDT-1h-2025-02-0", MaxKeys=4)
    assert page["IsTruncated"] is True and len(page["Contents"]) == 4
    for entry in page["Contents"]:
        content = requests.get(f"{server.url}/{entry['Key']}", timeout=20).content
        assert entry["Size"] == len(content)
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert entry["ETag"] == f'"{digest}"'
    assert page["Contents"][0]["LastModified"].isoformat() == "2025-02-02T05:00:00+00:00"


def test_a_listing_continues_after_its_marker(client: Any) -> None:
    place = "data/spot/daily/klines/ABCUSDT/1d/"
    keys = _keys(client, place)
    page = client.list_objects(Bucket=_BUCKET, Prefix=place, Marker=keys[4], MaxKeys=2)
    assert [entry["Key"] for entry in page["Contents"]] == keys[5:7]
    grouped = client.list_objects(Bucket=_BUCKET, Prefix=place, Delimiter="/", MaxKeys=2)
    assert grouped["NextMarker"] == keys[1]


def test_the_listing_at_the_root_is_the_same_and_needs_a_query(server: ExchangeServer) -> None:
    query = {"prefix": "data/spot/monthly/klines/", "delimiter": "/"}
    at_root = requests.get(server.url, params=query, timeout=20)
    assert at_root.headers["Content-Type"].startswith("application/xml")
    assert (
        at_root.content == requests.get(f"{server.url}/{_BUCKET}", params=query, timeout=20).content
    )
    assert requests.get(server.url, timeout=20).status_code == 404
    wrong = requests.get(server.url, params={"max-keys": "many"}, timeout=20)
    assert (wrong.status_code, "InvalidArgument" in wrong.text) == (400, True)


def _month(server: ExchangeServer, interval: str, month: str, suffix: str = "") -> Any:
    name = f"ABCUSDT-{interval}-{month}.zip{suffix}"
    place = f"{server.archive_url}/data/spot/monthly/klines/ABCUSDT/{interval}"
    return requests.get(f"{place}/{name}", timeout=20)


@pytest.mark.parametrize(("interval", "member"), [("1m", "1m"), ("1d", "1d"), ("1mo", "1mo")])
def test_a_month_contains_the_rows_of_its_days(
    server: ExchangeServer, interval: str, member: str
) -> None:
    content = _month(server, interval, "2025-01").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [f"ABCUSDT-{member}-2025-01.csv"]
        lines = archive.read(archive.namelist()[0]).decode().splitlines()
    kind = {"1mo": "1M"}.get(interval, interval)
    query = {"symbol": "ABCUSDT", "interval": kind, "limit": 1000, "startTime": 0}
    query["endTime"] = _FEBRUARY - 1
    rows = requests.get(f"{server.url}/api/v3/klines", params=query, timeout=20).json()
    for row in rows:
        row[0], row[6] = row[0] * 1000, row[6] * 1000 + 999
    assert lines == [",".join(map(str, row)) for row in rows]
    checksum = _month(server, interval, "2025-01", ".CHECKSUM").text
    name = f"ABCUSDT-{interval}-2025-01.zip"
    assert checksum == f"{hashlib.sha256(content).hexdigest()}  {name}"


def test_a_month_appears_on_the_first_monday_after_it(server: ExchangeServer) -> None:
    """February appears on Monday, 3 March 2025, and January on 3 February."""
    appears = day_start_ms(date(2025, 3, 3)) + 5 * HOUR_MS
    server.clock.set_time(appears - 1)
    assert _month(server, "1d", "2025-02").status_code == 404
    assert _month(server, "1d", "2025-01").status_code == 200
    server.clock.set_time(appears)
    assert _month(server, "1d", "2025-02").status_code == 200
    assert _month(server, "1d", "2025-03").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "daily/klines/ABCUSDT/3d/ABCUSDT-3d-2025-02-01.zip",
        "daily/klines/ABCUSDT/1m/ABCUSDT-1m-2025-02.zip",
        "monthly/klines/ABCUSDT/1m/ABCUSDT-1m-2025-02-01.zip",
        "monthly/klines/ABCUSDT/1M/ABCUSDT-1M-2025-02.zip",
        "monthly/klines/ABCUSDT/1m/ABCUSDT-1m-2025-13.zip",
        "monthly/klines/ABCUSDT/1m/ABCUSDT-1m-9999-12.zip",
        "daily/klines/ABCUSDT/1m/ABCUSDT-1m-9999-12-31.zip",
        "daily/klines/XYZBTC/1m/XYZBTC-1m-2025-02-01.zip",
    ],
)
def test_other_names_are_not_found(server: ExchangeServer, path: str) -> None:
    response = requests.get(f"{server.archive_url}/data/spot/{path}", timeout=20)
    assert response.status_code == 404
    assert f"<Key>data/spot/{path}</Key>" in response.text


def test_a_file_is_listed_once_it_appears_and_a_missing_one_never(
    client: Any, server: ExchangeServer
) -> None:
    day = {"do": "archive", "symbol": "XYZBTC", "day": "2025-02-01"}
    place = "data/spot/daily/klines/XYZBTC/1h/"
    server.faults.add_rule({**day, "how": "no_checksum"})
    assert _keys(client, place) == [f"{place}XYZBTC-1h-2025-02-01.zip"]
    server.faults.clear_rules()
    server.faults.add_rule({**day, "how": "late", "hours": 720 + 24})
    assert _keys(client, place) == []
    server.clock.set_time(_FEBRUARY + 32 * DAY_MS)
    assert len(_keys(client, place)) == 2
