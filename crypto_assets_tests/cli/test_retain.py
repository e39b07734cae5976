"""`crypto-assets retain`, embedded and on servers: a dry run, a run, and a run without effect."""

import pytest
from sqlalchemy import create_engine, text

from crypto_assets.market.utc_time import DAY_MS, day_of, floor_ms, now_ms
from crypto_assets_tests.cli.conftest import Desk, MakeDesk
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.s3 import S3Server

NOW = now_ms()
# A hundred days ago, so that everything before it has expired.
END_MS = floor_ms(NOW, DAY_MS) - 100 * DAY_MS


@pytest.fixture(params=["embedded", "servers"])
def database_and_desk(
    request: pytest.FixtureRequest, simulated_exchange: StartExchange, make_desk: MakeDesk
) -> tuple[str, Desk]:
    server = simulated_exchange(now=now_ms(), speed=1)
    if request.param == "embedded":
        desk = make_desk(server)
        return f"sqlite:///{desk.home / 'warehouse.db'}", desk
    database: DatabaseServer = request.getfixturevalue("mariadb")
    lake: S3Server = request.getfixturevalue("s3_server")
    url = database.fresh()
    desk = make_desk(
        server,
        WAREHOUSE_URL=url,
        LAKE_RAW_URL=f"s3://{lake.bucket_name()}",
        LAKE_ARCHIVE_URL=f"s3://{lake.bucket_name()}",
    )
    return url, Desk(desk.home, {**desk.environment, **lake.environment()})


def test_dry_run_then_run_then_nothing(database_and_desk: tuple[str, Desk]) -> None:
    url, desk = database_and_desk
    range_ = ("--from", str(day_of(END_MS - 2 * DAY_MS)), "--to", str(day_of(END_MS - DAY_MS)))
    assert desk.run("init").code == 0
    assert desk.run("backfill", "--symbols", "BTCUSDT", *range_).code == 0
    _age(url)
    planned = desk.run("retain", "--dry-run")
    assert planned.out.startswith(
        "dry run, no changes; this would expire:\nmoved from the raw lake to the archive: 2 objects"
    )
    assert "deleted from the lake: 2 objects" in planned.out
    assert f"BTCUSDT: 2,880 minutes before {day_of(END_MS)}T00:00:00Z" in planned.out
    done = desk.run("retain")
    assert planned.out.endswith(done.out)
    again = desk.run("retain")
    assert again.code == 0, again.err
    assert "archive: 0 objects" in again.out
    assert "minutes: 0\n" in again.out


def _age(url: str) -> None:
    """Make everything look as if it had been fetched and loaded when it happened."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "UPDATE lake_objects SET fetched_at = last_time, loaded_at = last_time",
            "UPDATE fact_klines SET fetched_at = open_time",
        ):
            connection.execute(text(statement))
    engine.dispose()
