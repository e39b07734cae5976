"""Invalid input and unavailable servers: one line of error with a fix, and an exit code."""

import socket
import sqlite3

import pytest

from crypto_assets.tcp_ports import require_free_port
from crypto_assets_tests.cli.conftest import MakeDesk
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.mariadb import DatabaseServer
from crypto_assets_tests.services.s3 import S3Server

_CLOSED_PORT_URL = "http://127.0.0.1:9"
_DAY = ("--from", "2025-03-05", "--to", "2025-03-05")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--symbols", "NOSUCHCOIN", *_DAY), "NOSUCHCOIN"),
        (("--symbols", "B T C", *_DAY), "BTCUSDT"),
        (("--from", "2025-13-01", "--to", "2025-03-05"), "2025-01-31"),
        (("--from", "20250305", "--to", "2025-03-05"), "2025-01-31"),
        (("--from", "05.03.2025", "--to", "2025-03-05"), "2025-01-31"),
        (("--from", "2025-03-05", "--to", "2025-03-04"), "swap"),
        (("--from", "2025-03-05", "--to", "2025-03-07"), "future"),
        (("--from", "2024-12-31", "--to", "2025-03-05"), "START_DATE"),
        (("--to", "2025-03-05"), "--from"),
    ],
)
def test_a_backfill_with_invalid_options(
    words: tuple[str, ...], expected: str, simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    assert desk.run("init").code == 0
    ran = desk.run("backfill", *words)
    assert ran.code == 2
    assert expected in ran.complaint


def test_without_init(simulated_exchange: StartExchange, make_desk: MakeDesk) -> None:
    ran = make_desk(simulated_exchange(now=NOON)).run("backfill", *_DAY)
    assert ran.code == 1
    assert "crypto-assets init" in ran.complaint


def test_an_exchange_that_does_not_respond(make_desk: MakeDesk) -> None:
    ran = make_desk(_CLOSED_PORT_URL).run("init")
    assert ran.code == 1
    assert _CLOSED_PORT_URL in ran.complaint


def test_a_lake_without_write_permission(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    ran = make_desk(simulated_exchange(now=NOON), LAKE_RAW_URL="/proc/lake").run("init")
    assert ran.code == 1
    assert "/proc/lake" in ran.complaint


def test_a_missing_bucket(
    simulated_exchange: StartExchange, make_desk: MakeDesk, s3_server: S3Server
) -> None:
    server = simulated_exchange(now=NOON)
    bucket = s3_server.bucket_name()
    desk = make_desk(server)
    assert desk.run("init").code == 0
    ran = desk.run(
        "backfill", *_DAY, CRYPTO_LAKE_RAW_URL=f"s3://{bucket}", **s3_server.environment()
    )
    assert ran.code == 1
    assert bucket in ran.complaint
    assert "crypto-assets init" in ran.complaint


def test_a_wrong_database_password(
    simulated_exchange: StartExchange, make_desk: MakeDesk, mariadb: DatabaseServer
) -> None:
    mariadb.execute("CREATE USER IF NOT EXISTS desk IDENTIFIED BY 'right'")
    url = mariadb.url("crypto", user="desk", password="wr0ng-secret")
    desk = make_desk(simulated_exchange(now=NOON), WAREHOUSE_URL=url)
    for words in (("init",), ("status",)):
        ran = desk.run(*words)
        assert ran.code == 1
        assert "CRYPTO_WAREHOUSE_URL" in ran.complaint
        assert "wr0ng-secret" not in ran.complaint


def test_an_unreachable_database_server(make_desk: MakeDesk) -> None:
    url = f"mysql+pymysql://desk:secret@127.0.0.1:{require_free_port(0)}/crypto"
    ran = make_desk(_CLOSED_PORT_URL, WAREHOUSE_URL=url).run("status")
    assert ran.code == 1
    assert "127.0.0.1" in ran.complaint
    assert "secret" not in ran.complaint


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("desk:p@{}", "@ as %40"),
        ("desk:p@{}/x", "@ as %40"),
        ("desk:p@s:{}", "@ as %40"),
        ("desk:p/{}", "does not respond: check that the server is running"),
        ("desk:p#{}", "does not respond: check that the server is running"),
        ("desk:p?{}", "does not respond: check that the server is running"),
        ("desk:p:{}", "does not respond: check that the server is running"),
        ("desk:p {}", "does not respond: check that the server is running"),
        ("desk:p@{}?x", "@ as %40"),
        ("desk:p@x?{}=y", "an unknown option"),
    ],
)
def test_a_password_that_is_not_escaped_is_never_shown(
    make_desk: MakeDesk, login: str, expected: str
) -> None:
    """Nor a part of it: the text after the first @ would be taken as the host."""
    place = f"127.0.0.1:{require_free_port(0)}/crypto"
    url = f"mysql+pymysql://{login.format('s3cret')}@{place}"
    ran = make_desk(_CLOSED_PORT_URL, WAREHOUSE_URL=url).run("status")
    assert ran.code in {1, 2}
    assert "s3cret" not in ran.complaint
    assert expected in ran.complaint


@pytest.mark.parametrize(
    "url", ["http://desk:p s3cret@{}", "http://desk:p/s3cret@{}", "http://desk:p#s3cret@{}"]
)
def test_a_password_in_the_exchanges_address_is_never_shown(make_desk: MakeDesk, url: str) -> None:
    ran = make_desk(url.format("127.0.0.1:9")).run("init")
    assert ran.code == 2
    assert "s3cret" not in ran.complaint
    assert "@ as %40" in ran.complaint


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?sslmode=require", "unknown option 'sslmode'"),
        ("?ssl_mode=REQUIRED&ssl_mode=REQUIRED", "twice"),
        ("?ssl_ca=/nowhere/ca.pem", "/nowhere/ca.pem cannot be read"),
    ],
)
def test_an_invalid_option_of_the_warehouse_url(
    make_desk: MakeDesk, query: str, expected: str
) -> None:
    ran = make_desk(
        _CLOSED_PORT_URL, WAREHOUSE_URL=f"mysql://desk:secret@127.0.0.1/crypto{query}"
    ).run("status")
    assert ran.code == 2
    assert expected in ran.complaint


def test_lakes_that_share_a_name(make_desk: MakeDesk) -> None:
    ran = make_desk(_CLOSED_PORT_URL, LAKE_RAW_URL="s3://one", LAKE_ARCHIVE_URL="s3://one").run(
        "init"
    )
    assert ran.code == 2
    assert "CRYPTO_LAKE_ARCHIVE_URL" in ran.complaint


def test_the_error_of_an_invalid_setting_contains_its_variable(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    ran = make_desk(simulated_exchange(now=NOON), SETTLE_SECONDS="soon").run("status")
    assert ran.code == 2
    assert "CRYPTO_SETTLE_SECONDS" in ran.complaint
    ran = make_desk(_CLOSED_PORT_URL, START_DATE="20250301").run("status")
    assert ran.code == 2
    assert "CRYPTO_START_DATE" in ran.complaint
    assert "'20250301' is not a day: write it as 2025-01-31" in ran.complaint
    ran = make_desk(_CLOSED_PORT_URL).run("simulate-exchange", "--port", "1", "--now", "20250301")
    assert ran.code == 2
    assert "'20250301' may be a date, seconds or milliseconds" in ran.complaint


def test_a_warehouse_from_a_newer_version(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    assert desk.run("init").code == 0
    with sqlite3.connect(desk.home / "warehouse.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
        database.execute("DELETE FROM app_settings WHERE name = 'state.oldest_program'")
    database.close()
    for words in (("init",), ("backfill", *_DAY), ("status",)):
        ran = desk.run(*words)
        assert ran.code == 1
        assert "newer" in ran.complaint


def test_the_data_of_another_exchange(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    assert desk.run("init").code == 0
    other = simulated_exchange(now=NOON, seed=2).url
    for words in (("init",), ("backfill", *_DAY)):
        ran = desk.run(*words, CRYPTO_EXCHANGE_URL=other, CRYPTO_ARCHIVE_URL=other)
        assert ran.code == 1
        assert "exchange" in ran.complaint


def test_the_error_of_a_taken_port_contains_the_process(make_desk: MakeDesk) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        ran = make_desk(_CLOSED_PORT_URL).run("simulate-exchange", "--port", port)
        assert ran.code == 1
        assert port in ran.complaint
        assert "pid" in ran.complaint
        ran = make_desk(_CLOSED_PORT_URL).run("up", "--dagster-port", port)
        assert ran.code == 1
        assert port in ran.complaint


def test_two_servers_on_one_port_are_rejected_before_anything_starts(make_desk: MakeDesk) -> None:
    port = str(require_free_port(0))
    ran = make_desk(_CLOSED_PORT_URL).run("up", "--app-port", port, "--api-port", port)
    assert ran.code == 2
    assert "--app-port" in ran.complaint and "different" in ran.complaint


def test_the_error_of_a_refusing_proxy_contains_its_address(make_desk: MakeDesk) -> None:
    desk = make_desk("http://exchange.example")
    ran = desk.run("init", http_proxy="http://user:secret@127.0.0.1:9", no_proxy="", NO_PROXY="")
    assert ran.code == 1
    assert "the proxy http://127.0.0.1:9 set by http_proxy" in ran.complaint
    assert "secret" not in ran.complaint


def test_the_error_of_a_missing_ca_file_contains_the_variable(make_desk: MakeDesk) -> None:
    ran = make_desk("https://127.0.0.1:9").run("init", REQUESTS_CA_BUNDLE="/nowhere/ca.pem")
    assert ran.code == 2
    assert "REQUESTS_CA_BUNDLE" in ran.complaint


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_an_exchange_with_an_invalid_host(host: str, make_desk: MakeDesk) -> None:
    ran = make_desk(f"http://{host}").run("init")
    assert ran.code == 2
    assert host in ran.complaint


@pytest.mark.parametrize("setting", ["HOME", "LAKE_RAW_URL"])
def test_a_path_in_the_home_of_an_unknown_user(setting: str, make_desk: MakeDesk) -> None:
    ran = make_desk(_CLOSED_PORT_URL, **{setting: "~no-such-user/x"}).run("init")
    assert ran.code == 2
    assert "~no-such-user/x" in ran.complaint and "whole path" in ran.complaint


def test_an_import_from_the_home_of_an_unknown_user(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    assert desk.run("init").code == 0
    ran = desk.run("import", "~no-such-user/x")
    assert ran.code == 2
    assert "~no-such-user/x" in ran.complaint


def test_an_import_with_an_empty_prefix(
    simulated_exchange: StartExchange, make_desk: MakeDesk
) -> None:
    desk = make_desk(simulated_exchange(now=NOON))
    assert desk.run("init").code == 0
    ran = desk.run("import", "")
    assert ran.code == 2
    assert "empty" in ran.complaint and "s3://bucket/prefix" in ran.complaint
