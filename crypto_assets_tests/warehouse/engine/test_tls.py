"""TLS to a server, as the options of a URL require it; each error says what to do."""

import os
from pathlib import Path

import pytest

from crypto_assets.errors import WarehouseRefused, WrongUse
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.services.certificates import Authority
from crypto_assets_tests.services.mariadb import DatabaseServer, StartServer

# Has letters that Latin-1 lacks: passed as text, the driver would fail with a traceback.
PASSWORD = "Gehe\u00efm-\u20ac-4711"
ESCAPED = "Gehe%C3%AFm-%E2%82%AC-4711"


@pytest.fixture(scope="module")
def server(own_mariadb: StartServer, authority: Authority) -> DatabaseServer:
    """A server whose certificate names 127.0.0.1, and not localhost."""
    server = own_mariadb(*authority.server_options("127.0.0.1"))
    users = {"plain": "", "encrypted": "REQUIRE SSL", "certified": "REQUIRE X509"}
    for name, rule in users.items():
        server.execute(f"CREATE USER {name}@'%' IDENTIFIED BY '{PASSWORD}' {rule}")
    return server


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture
def files(authority: Authority, other_authority: Authority) -> dict[str, Path]:
    certificate, key = authority.sign("client")
    locked_certificate, locked_key = authority.sign("locked", password="open-sesame")
    return {
        "ca": authority.ca,
        "other": other_authority.ca,
        "cert": certificate,
        "key": key,
        "locked": locked_certificate,
        "lock": locked_key,
        "none": authority.ca.with_name("none.pem"),
    }


def cipher(
    server: DatabaseServer, query: str, user: str = "encrypted", host: str = "127.0.0.1"
) -> str:
    """Return the cipher of a connection; empty if it is not encrypted."""
    database = "information_schema"
    warehouse = Warehouse(
        f"mysql+pymysql://{user}:{ESCAPED}@{host}:{server.port}/{database}{query}"
    )
    try:
        status = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
        return str(
            warehouse._database.run_primary_read(lambda c: c.exec_driver_sql(status).one()[1])
        )
    finally:
        warehouse.close()


def message_of(caught: pytest.ExceptionInfo[Exception]) -> str:
    """Return the error's message, which is one line without the password."""
    message = str(caught.value)
    assert PASSWORD not in message
    assert ESCAPED not in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("query", "host"),
    [
        ("?ssl=true", "localhost"),
        ("?ssl=true&ssl_mode=REQUIRED", "localhost"),
        ("?ssl_mode=REQUIRED", "localhost"),
        ("?ssl_mode=preferred", "localhost"),
        ("?ssl_mode=VERIFY_CA&ssl_ca={ca}", "localhost"),
        ("?ssl_mode=verify-identity&ssl_ca={ca}", "127.0.0.1"),
        ("?ssl_ca={ca}", "127.0.0.1"),
        ("?ssl_ca={ca}&ssl_check_hostname=false", "localhost"),
        ("?ssl_verify_cert=1&ssl_ca={ca}", "localhost"),
        ("?ssl_disabled=false", "localhost"),
        ("?ssl_mode=REQUIRED&charset=utf8mb4&local_infile=1&connect_timeout=5", "localhost"),
    ],
)
def test_the_connection_is_encrypted(
    server: DatabaseServer, files: dict[str, Path], query: str, host: str
) -> None:
    assert cipher(server, query.format(**files), host=host)


@pytest.mark.parametrize("query", ["", "?ssl=false", "?ssl_mode=DISABLED", "?ssl_disabled=true"])
def test_a_connection_within_the_machine_is_not_encrypted_by_default(
    server: DatabaseServer, query: str
) -> None:
    assert cipher(server, query, user="plain") == ""


@pytest.mark.parametrize(
    "query",
    [
        "?ssl=1&ssl_cert={cert}&ssl_key={key}",
        "?ssl=1&ssl_cert={locked}&ssl_key={lock}&ssl_key_password=open-sesame",
    ],
)
def test_a_user_that_needs_a_certificate(
    server: DatabaseServer, files: dict[str, Path], query: str
) -> None:
    assert cipher(server, query.format(**files), user="certified")
    with pytest.raises(WarehouseRefused) as caught:
        cipher(server, "?ssl=1", user="certified")
    assert "needs a certificate for TLS also needs ssl_cert and ssl_key" in message_of(caught)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "",
            "a user that needs TLS also needs ssl_mode=REQUIRED in the query of",
        ),
        ("?ssl_mode=VERIFY_CA&ssl_ca={other}", "ssl_ca=FILE, with the certificate of its CA"),
        (
            "?ssl_mode=VERIFY_IDENTITY&ssl_ca={other}",
            "ssl_ca=FILE, with the certificate of its CA",
        ),
        ("?ssl_mode=VERIFY_CA", "ssl_ca=FILE, with the certificate of its CA"),
        ("?ssl_mode=VERIFY_IDENTITY&ssl_ca={ca}", "is not for this host"),
        ("?ssl_ca={ca}", "is not for this host"),
    ],
)
def test_a_connection_that_does_not_meet_its_options(
    server: DatabaseServer, files: dict[str, Path], query: str, expected: str
) -> None:
    with pytest.raises(WarehouseRefused) as caught:
        cipher(server, query.format(**files), host="localhost")
    assert expected in message_of(caught)
    assert "TLS" in message_of(caught)


def test_a_server_that_accepts_tls_only(server: DatabaseServer) -> None:
    """MariaDB reports it as a wrong password, MySQL with an error of its own."""
    server.execute("SET GLOBAL require_secure_transport = 1")
    try:
        with pytest.raises(WarehouseRefused) as caught:
            cipher(server, "", user="plain")
        message = message_of(caught)
        assert "TLS" in message
        assert "ssl_mode=REQUIRED" in message
        assert cipher(server, "?ssl_mode=REQUIRED", user="plain")
    finally:
        with_tls = Warehouse(f"mysql://root@127.0.0.1:{server.port}/mysql?ssl=true")
        with_tls._database.run_primary_read(
            lambda c: c.exec_driver_sql("SET GLOBAL require_secure_transport = 0")
        )
        with_tls.close()


def test_a_server_without_tls(own_mariadb: StartServer) -> None:
    mysql = os.environ.get("CRYPTO_TEST_SERVER") == "mysql"
    server = own_mariadb("--tls-version=" if mysql else "--skip-ssl")
    with pytest.raises(WarehouseRefused) as caught:
        Warehouse(f"{server.url('mysql')}?ssl=true").require_ready()
    assert "does not offer TLS" in message_of(caught)


def test_options_of_a_setting_apply_to_both_urls(
    server: DatabaseServer, files: dict[str, Path]
) -> None:
    """The host `localhost` is not in the certificate."""
    url = f"mysql+pymysql://encrypted:{ESCAPED}@127.0.0.1:{server.port}/information_schema"
    wrong_host = url.replace("127.0.0.1", "localhost")
    options = f"ssl_ca={files['ca']}"
    status = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
    warehouse = Warehouse(url, wrong_host, options=options)
    assert warehouse._database.run_primary_read(lambda c: c.exec_driver_sql(status).one()[1])
    with pytest.raises(WarehouseRefused) as caught:
        warehouse._database.run_read(lambda c: c.exec_driver_sql(status).one())
    assert "is not for this host" in message_of(caught)
    warehouse.close()
    with pytest.raises(WrongUse) as wrong:
        Warehouse(f"{url}?ssl_ca=/ca.pem", options=options)
    expected = "the URL and CRYPTO_WAREHOUSE_OPTIONS both set the option ssl_ca: remove one"
    assert message_of(wrong) == expected
    Warehouse("sqlite:////tmp/warehouse.db", options=options).close()  # has no connection


def test_a_connection_to_another_machine_without_tls(
    own_mariadb: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    """127.0.0.2 serves as another machine. A warning is logged once, or refused by an option."""
    mysql = os.environ.get("CRYPTO_TEST_SERVER") == "mysql"
    without_tls = "--tls-version=" if mysql else "--skip-ssl"
    server = own_mariadb(without_tls, "--bind-address=127.0.0.1,127.0.0.2")
    server.execute("CREATE USER far@'%' IDENTIFIED BY ''", "GRANT SELECT ON *.* TO far@'%'")
    url = f"mysql+pymysql://far@127.0.0.2:{server.port}/mysql"
    for _ in range(2):
        warehouse = Warehouse(url)
        warehouse._database.run_primary_read(lambda c: c.exec_driver_sql("SELECT 1").one())
        warnings = warehouse.read_server.list_warnings()
        warehouse.close()
    expected = "the connection to the database on 127.0.0.2 is not encrypted"
    assert [expected in line for line in warnings] == [True]
    assert caplog.text.count(expected) == 1
    with pytest.raises(WarehouseRefused) as caught:
        Warehouse(url, options="ssl_mode=REQUIRED").require_ready()
    assert "does not offer TLS" in message_of(caught)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?ssl_mode=", "no value"),
        ("?ssl_mode", "no value"),
        ("?ssl_mode=SOMETIMES", "DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY"),
        ("?ssl=perhaps", "use true or false"),
        ("?ssl_mode=REQUIRED&ssl_mode=DISABLED", "twice"),
        ("?ssl=false&ssl_mode=REQUIRED", "both requires and disables TLS"),
        ("?ssl=true&ssl_disabled=true", "both requires and disables TLS"),
        ("?ssl=true&ssl_mode=DISABLED", "both requires and disables TLS"),
        ("?ssl_mode=VERIFY_CA&ssl_check_hostname=true", "keep ssl_mode"),
        ("?ssl_mode=REQUIRED&ssl_ca=/ca.pem", "set ssl_mode=VERIFY_CA"),
        ("?ssl_mode=PREFERRED&ssl_ca=/ca.pem", "does not use"),
        ("?ssl=false&ssl_ca=/ca.pem", "does not use"),
        ("?ssl=true&ssl_key=/client.key", "no ssl_cert"),
        ("?sslmode=require", "unknown option 'sslmode'"),
        ("?compress=true", "unknown option 'compress'"),
        ("?local_infile=0", "cannot change local_infile"),
        ("?charset=latin1", "always utf8mb4"),
        ("?connect_timeout=soon", "whole number of seconds"),
        ("?read_timeout=0", "whole number of seconds"),
        ("?%ff", "unknown option"),
        ("?=", "unknown option"),
    ],
)
def test_invalid_options(query: str, expected: str) -> None:
    with pytest.raises(WrongUse) as caught:
        Warehouse(f"mysql+pymysql://user:{ESCAPED}@127.0.0.1/crypto{query}")
    assert expected in message_of(caught)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?ssl_ca={none}", "ssl_ca={none} cannot be read: No such file"),
        ("?ssl_ca={key}", "ssl_ca={key} must contain PEM certificates"),
        ("?ssl=1&ssl_cert={none}", "ssl_cert={none} cannot be read"),
        ("?ssl=1&ssl_cert={cert}&ssl_key={lock}", "must contain a PEM certificate and its key"),
        ("?ssl=1&ssl_cert={key}&ssl_key={cert}", "must contain a PEM certificate and its key"),
        ("?ssl=1&ssl_cert={locked}&ssl_key={lock}", "must contain a PEM certificate and its key"),
    ],
)
def test_unusable_certificate_files(files: dict[str, Path], query: str, expected: str) -> None:
    warehouse = Warehouse(f"mysql+pymysql://user@127.0.0.1/crypto{query.format(**files)}")
    with pytest.raises(WrongUse) as caught:
        warehouse.require_ready()
    assert expected.format(**files) in message_of(caught)
