"""Logins are removed from addresses; everything else stays."""

import time

import pytest

from crypto_assets.addresses import redact_address, remove_logins

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
        (f"http://user:p?{PASSWORD}@host/x", "http://host/x"),
        (f"http://user:p:{PASSWORD}@host/x", "http://host/x"),
        (f"http://user:p {PASSWORD}@host/x", "http://host/x"),
        (f"http://user:1234/{PASSWORD}@host/x", "http://host/x"),
        (f"http://user:1234?{PASSWORD}@host/x", "http://host/x"),
        (f"http://user:1234#{PASSWORD}@host/x", "http://host/x"),
        (f"http://user:1234/a@{PASSWORD}@host/x", "http://host/x"),
        (f"redis://:{PASSWORD}/0@host/0", "redis://host/0"),
        (
            f"no answer by the proxy http://user:p/{PASSWORD}@host:3128: refused",
            "no answer by the proxy http://host:3128: refused",
        ),
        (f"'http://user:p {PASSWORD}@host' is none", "'http://host' is none"),
        (f"user:{PASSWORD}@host:3000", "host:3000"),
        (f"mysql+pymysql://user:{PASSWORD}@host/crypto", "mysql+pymysql://host/crypto"),
        (f"Failed to parse: http://user:{PASSWORD}@[host", "Failed to parse: http://[host"),
    ],
)
def test_logins_are_removed(address: str, shown: str) -> None:
    assert remove_logins(address) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (f"http://us/er:{PASSWORD}@host/x", "http://host/x"),
        (f"http://user:12 {PASSWORD}@host", "http://host"),
        (f"http://user:1/2?{PASSWORD}@host", "http://host"),
        (f"http://user:p@{PASSWORD} {PASSWORD}@host", "http://host"),
        (f"http://user:p\n{PASSWORD}@host", "http://host"),
        (f"//user:{PASSWORD}@host", "//host"),
        (f"mysql+pymysql://user:x//{PASSWORD}@host/crypto", "mysql+pymysql://host/crypto"),
        (f"user:{PASSWORD}//x@host:3000", "host:3000"),
        (f"user:{PASSWORD}@host:3000", "host:3000"),
        (f"http://user:{PASSWORD * 5_000}@host", "http://host"),
        ("https://data-api.binance.vision/x?y=1", "https://data-api.binance.vision/x?y=1"),
        ("s3://crypto-raw", "s3://crypto-raw"),
        ("", ""),
        ("http://" + "x" * 9_000, "http://" + "x" * 8_185 + "…"),
    ],
)
def test_everything_before_the_host_of_an_address_is_removed(address: str, shown: str) -> None:
    assert redact_address(address) == shown


@pytest.mark.parametrize("repeated", ["//a:b", "//a:1/", "//a: ", "//a:b/1?", "//:1/@/"])
def test_a_hostile_text_is_processed_quickly(repeated: str) -> None:
    """The whole text would take hours."""
    began = time.process_time()
    shown = remove_logins(f"http://user:{PASSWORD}@host/{repeated * 200_000}")
    assert time.process_time() - began < 10
    assert PASSWORD not in shown and shown.endswith("…")


@pytest.mark.parametrize(
    "address",
    [
        "https://data-api.binance.vision",
        "http://127.0.0.1:3000/runs?at=a@b",
        "https://notes.example:8443/@team/runbook",
        "https://notes.example:8443/team/@anna?at=a@b",
        "http://127.0.0.1:3000 does not respond, ask somebody@example.com",
        "http://127.0.0.1:3000: refused, ask somebody@example.com",
        "http://[::1]:3000/@team",
        "/data/@lake",
        "s3://crypto-raw",
        "a sentence of somebody@example.com",
        "",
    ],
)
def test_text_without_a_login_stays(address: str) -> None:
    assert remove_logins(address) == address
