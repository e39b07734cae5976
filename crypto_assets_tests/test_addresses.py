"""Addresses are shown without a login, and are else as they were."""

import pytest

from crypto_assets.addresses import without_login

PASSWORD = "s3cret"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"http://user:{PASSWORD}@host:3000", "http://host:3000"),
        (f"https://{PASSWORD}@host/path?a=b", "https://host/path?a=b"),
        (f"http://user:{PASSWORD}@[::1]:3000/", "http://[::1]:3000/"),
        (f"http://user:p@{PASSWORD}@host", "http://host"),
        (f"http://user:p/{PASSWORD}@host", "http://host"),
        (f"http://user:p#{PASSWORD}@host/x", "http://host/x"),
        (f"user:{PASSWORD}@host:3000", "host:3000"),
        (f"mysql+pymysql://user:{PASSWORD}@host/crypto", "mysql+pymysql://host/crypto"),
        (f"Failed to parse: http://user:{PASSWORD}@[host", "Failed to parse: http://[host"),
    ],
)
def test_a_login_is_left_out(address: str, shown: str) -> None:
    assert without_login(address) == shown


@pytest.mark.parametrize(
    "address",
    [
        "https://data-api.binance.vision",
        "http://127.0.0.1:3000/runs?at=a@b",
        "https://notes.example:8443/@team/runbook",
        "http://[::1]:3000/@team",
        "/data/@lake",
        "s3://crypto-raw",
        "a sentence of somebody@example.com",
        "",
    ],
)
def test_what_is_no_login_stays(address: str) -> None:
    assert without_login(address) == address
