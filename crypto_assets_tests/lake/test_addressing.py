"""A bucket in the path or in the host's name; wrong addresses and clocks."""

import os
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from traceback import format_exception

import pytest

from crypto_assets.addresses import AddressingStyle
from crypto_assets.errors import LakeRefused, LakeUnavailable, WrongUse
from crypto_assets.lake import S3Options, open_lake, s3_client
from crypto_assets.lake.s3_bucket import S3Bucket
from crypto_assets.market.lake_object import Source
from crypto_assets.market.utc_time import from_epoch_ms, now_ms
from crypto_assets_tests.lake.conftest import options_of
from crypto_assets_tests.services.s3 import VIRTUAL_DOMAIN, S3Server
from crypto_assets_tests.services.scripted import Answer, forward_to, scripted

KEY = "2025-01-01/BTCUSDT_klines_1735689600000-1735689660000_rest.json"
KEYS = ("access", "secret")
HOST = f"http://{VIRTUAL_DOMAIN}"


@pytest.fixture(autouse=True)
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.lower().endswith("_proxy") or name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    s3_client._open_client.cache_clear()


def address_of(options: S3Options, name: str = "crypto-raw") -> str:
    client = S3Bucket(name, options)._s3_client
    signed = client.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "k"})
    return signed.partition("?")[0]


@pytest.mark.parametrize(
    ("endpoint", "style", "address"),
    [
        ("http://lake:9000", "auto", "http://lake:9000/crypto-raw/k"),
        ("http://lake:9000", "path", "http://lake:9000/crypto-raw/k"),
        ("http://lake:9000", "virtual", "http://crypto-raw.lake:9000/k"),
        (None, "auto", "https://crypto-raw.s3.amazonaws.com/k"),
        (None, "virtual", "https://crypto-raw.s3.amazonaws.com/k"),
        (None, "path", "https://s3.amazonaws.com/crypto-raw/k"),
    ],
)
def test_the_style_sets_the_place_of_the_buckets_name(
    endpoint: str | None, style: str, address: str
) -> None:
    options = S3Options(endpoint, *KEYS, addressing_style=AddressingStyle(style))
    assert address_of(options) == address


def test_auto_uses_the_style_of_the_profile(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\ns3 =\n    addressing_style = virtual\n")
    assert address_of(S3Options("http://lake:9000", *KEYS)) == "http://crypto-raw.lake:9000/k"
    path = S3Options("http://lake:9000", *KEYS, addressing_style=AddressingStyle.PATH)
    assert address_of(path) == "http://lake:9000/crypto-raw/k"


def test_a_bucket_with_a_dot_is_in_the_path_for_amazons_certificate() -> None:
    assert address_of(S3Options(None, *KEYS), "my.raw") == "https://s3.amazonaws.com/my.raw/k"


def test_a_lake_in_the_host_of_a_real_server(
    seaweedfs_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = replace(
        options_of(seaweedfs_s3_server), endpoint_url=HOST, addressing_style=AddressingStyle.VIRTUAL
    )
    name = seaweedfs_s3_server.bucket_name()
    with scripted(forward_to(seaweedfs_s3_server.endpoint)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        lake = open_lake(f"s3://{name}", options)
        lake.create_storage()
        lake.check_writable()
        assert lake.put(KEY, b"[[1]]", fetched_at=1, source=Source.REST, rows=1)
        assert [entry.key for entry in lake.list_entries()] == [KEY]
        assert {request.headers["Host"] for request in proxy.requests} == {
            f"{name}.{VIRTUAL_DOMAIN}"
        }
    # The same object, by the path.
    assert open_lake(f"s3://{name}", options_of(seaweedfs_s3_server)).get(KEY) == b"[[1]]"
    lake = open_lake(f"s3://{name}", options_of(seaweedfs_s3_server))
    lake.delete([KEY])
    assert list(lake.list_entries()) == []


def test_the_error_of_a_server_without_virtual_hosts_names_the_setting(
    rclone_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a server lists its buckets instead, which would look like an empty lake."""
    options = replace(
        options_of(rclone_s3_server), endpoint_url=HOST, addressing_style=AddressingStyle.VIRTUAL
    )
    with scripted(forward_to(rclone_s3_server.endpoint)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        lake = open_lake(f"s3://{rclone_s3_server.bucket_name()}", options)
        for call in (
            lake.check_writable,
            lake.create_storage,
            lambda: list(lake.list_entries()),
            lambda: lake.put(KEY, b"[]", fetched_at=1, source=Source.REST, rows=0),
        ):
            with pytest.raises(LakeRefused, match="AWS_S3_ADDRESSING_STYLE=path"):
                call()


def test_the_error_names_an_unknown_host_with_the_bucket() -> None:
    options = S3Options("http://lake.invalid", *KEYS, addressing_style=AddressingStyle.VIRTUAL)
    with pytest.raises(LakeUnavailable) as error:
        open_lake("s3://crypto-raw", options).check_writable()
    assert "does not respond as crypto-raw.lake.invalid" in str(error.value)
    assert "AWS_S3_ADDRESSING_STYLE=path" in str(error.value)


def refusal(response: Answer) -> str:
    with scripted(lambda _: response) as server:
        lake = open_lake("s3://crypto-raw", S3Options(server.url, *KEYS))
        with pytest.raises(LakeRefused) as error:
            lake.check_writable()
        assert "\n" not in str(error.value)
        return str(error.value)


def error_of(status: int, code: str, more: str = "", **headers: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>as it says</Message>{more}</Error>"
    return Answer(status, body.encode(), {n.replace("_", "-"): v for n, v in headers.items()})


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            error_of(400, "AuthorizationHeaderMalformed", "<Region>eu-south-2</Region>"),
            "set AWS_REGION=eu-south-2",
        ),
        (
            error_of(301, "PermanentRedirect", "<Endpoint>lake.example</Endpoint>"),
            "if you use AWS_ENDPOINT_URL_S3, set it to lake.example",
        ),
        (
            Answer(301, b"<html>", {"Location": "https://user:x@lake.example:9000/crypto-raw"}),
            "set it to https://lake.example:9000",
        ),
        (
            error_of(301, "PermanentRedirect", x_amz_bucket_region="ap-east-1"),
            "set AWS_REGION=ap-east-1",
        ),
        (error_of(403, "SecondLevelDomainForbidden"), "set AWS_S3_ADDRESSING_STYLE=virtual"),
        (error_of(400, "InvalidBucketName"), "set AWS_S3_ADDRESSING_STYLE=virtual"),
        (error_of(400, "ExpiredToken"), "renew AWS_ACCESS_KEY_ID"),
        (error_of(407, "ProxyAuthenticationRequired"), "requires a login"),
        (error_of(403, "AccessDenied"), "grant it read and write"),
        (error_of(404, "NoSuchBucket"), "run `crypto-assets init`"),
    ],
)
def test_an_error_response_gets_advice(response: Answer, expected: str) -> None:
    assert expected in refusal(response)


@pytest.mark.parametrize(("hours", "direction"), [(2, "behind"), (-2, "ahead of")])
@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "SignatureDoesNotMatch"])
def test_the_error_for_a_wrong_clock_has_the_difference(
    hours: int, direction: str, code: str
) -> None:
    date = format_datetime(from_epoch_ms(now_ms() + hours * 3_600_000), usegmt=True)
    message = refusal(error_of(403, code, Date=date))
    assert f"s {direction} the server's" in message and "NTP" in message
    assert any(f"is {seconds} s" in message for seconds in range(7190, 7211))


def test_a_rejected_time_without_a_date_is_a_wrong_clock() -> None:
    message = refusal(error_of(403, "RequestTimeTooSkewed"))
    assert "this machine's clock" in message and "NTP" in message


def test_the_error_names_a_missing_file_of_certificates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    with scripted(lambda _: Answer(200)) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(LakeUnavailable, match="AWS_CA_BUNDLE"):
            open_lake("s3://crypto-raw", S3Options(url, *KEYS)).check_writable()


def test_loopback_needs_no_proxy_and_the_error_names_a_failing_proxy(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://user:hush-hush@127.0.0.1:9")
    lake = open_lake(f"s3://{s3_server.bucket_name()}", options_of(s3_server))
    lake.create_storage()
    lake.check_writable()
    with pytest.raises(LakeUnavailable) as error:
        open_lake("s3://crypto-raw", S3Options("http://lake.example", *KEYS)).check_writable()
    assert "the proxy http://127.0.0.1:9 set by HTTP_PROXY" in str(error.value)
    assert "add lake.example to no_proxy" in str(error.value)
    assert "hush" not in str(error.value)


def test_the_error_names_a_proxy_with_a_malformed_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://u:[hush@127.0.0.1:9")
    with pytest.raises(WrongUse) as error:
        open_lake("s3://crypto-raw", S3Options("http://lake.example", *KEYS)).check_writable()
    assert "the proxy http://127.0.0.1:9 set by http_proxy has a malformed address" in str(
        error.value
    )
    assert "hush" not in "".join(format_exception(error.value))


@pytest.mark.parametrize("proxy", ["socks5://u:hush@127.0.0.1:9", f"http://u:hush@{'a' * 64}.x:1"])
def test_the_error_names_an_unusable_proxy(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(LakeUnavailable) as error:
        open_lake("s3://crypto-raw", S3Options("http://lake.example", *KEYS)).check_writable()
    assert "set by http_proxy does not work" in str(error.value)
    assert "hush" not in str(error.value)
