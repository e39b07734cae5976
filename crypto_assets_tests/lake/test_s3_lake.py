"""The S3 lake: error responses, and differences of servers."""

import base64
import socket
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import pytest

from crypto_assets.errors import LakeError, LakeRefused, LakeUnavailable, WrongUse
from crypto_assets.lake import Lake, S3Options, open_lake
from crypto_assets.lake.s3_bucket import S3Bucket
from crypto_assets.market.lake_object import Source
from crypto_assets_tests.lake.conftest import options_of
from crypto_assets_tests.services.s3 import S3Server
from crypto_assets_tests.services.scripted import Answer, Request, in_turn, scripted

KEY = "2025-01-01/BTCUSDT_klines_1735689600000-1735689660000_rest.json"
KEYS = ("access", "secret")


@pytest.fixture(params=["seaweedfs_s3_server", "rclone_s3_server"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


def test_support_for_conditional_puts_is_detected(
    seaweedfs_s3_server: S3Server, rclone_s3_server: S3Server
) -> None:
    for server, is_supported in ((seaweedfs_s3_server, True), (rclone_s3_server, False)):
        for _ in range(2):
            bucket = S3Bucket("shared-conditions", options_of(server))
            bucket.create_bucket()
            assert bucket.supports_conditional_put is is_supported


@pytest.mark.parametrize(("access", "secret"), [("test-access", "wrong"), ("wrong", "wrong")])
def test_the_error_names_a_wrong_key(server: S3Server, access: str, secret: str) -> None:
    name = server.bucket_name()
    S3Bucket(name, options_of(server)).create_bucket()
    lake = open_lake(f"s3://{name}", S3Options(server.endpoint, access, secret))
    calls: tuple[Callable[[], object], ...] = (
        lake.check_writable,
        lake.create_storage,
        lake.get_owner,
        lambda: lake.get(KEY),
        lambda: list(lake.list_entries()),
        lambda: lake.put(KEY, b"[]", fetched_at=1, source=Source.REST, rows=0),
    )
    for call in calls:
        with pytest.raises(LakeRefused, match=r"rejects the key.*AWS_SECRET_ACCESS_KEY"):
            call()


def test_an_object_without_metadata_has_counted_rows_and_the_servers_time(
    server: S3Server,
) -> None:
    name = server.bucket_name()
    bucket = S3Bucket(name, options_of(server))
    bucket.create_bucket()
    bucket.put(KEY, b"[[1],[2],[3]]")
    lake = open_lake(f"s3://{name}", options_of(server))
    info = lake.get_info(KEY)
    assert info is not None
    assert (info.rows, info.source) == (None, Source.REST)
    (entry,) = lake.list_entries()
    assert abs(info.fetched_at - entry.stored_at) < 1000
    assert not lake.put(KEY, b"[[1],[2]]", fetched_at=1, source=Source.REST, rows=2)
    assert lake.put(KEY, b"[[4],[5],[6]]", fetched_at=1, source=Source.REST, rows=3)


def test_the_error_names_an_unreachable_server() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but not listening
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        lake = open_lake("s3://crypto-raw", S3Options(endpoint, *KEYS))
        with pytest.raises(LakeUnavailable, match=f"{endpoint} does not respond"):
            lake.check_writable()


@pytest.mark.parametrize(
    "address", ["http://user:s3cret@127.0.0.1:9", "user:s3cret@127.0.0.1", "http://u:s3c/ret@host"]
)
def test_the_login_of_an_address_appears_in_no_error(address: str) -> None:
    with pytest.raises((LakeError, WrongUse)) as error:
        open_lake("s3://crypto-raw", S3Options(address, *KEYS)).check_writable()
    assert "s3c" not in str(error.value)
    with pytest.raises(WrongUse) as wrong:
        open_lake(f"s3://user:s3cret@{address}")
    assert "s3c" not in str(wrong.value)


def test_a_batch_delete_has_the_md5_that_older_servers_require() -> None:
    def old_minio(request: Request) -> Answer:
        digest = base64.b64encode(md5(request.body, usedforsecurity=False).digest()).decode()
        if request.headers.get("Content-MD5") != digest:
            return Answer(400, b"<Error><Code>MissingContentMD5</Code></Error>")
        return Answer(200, b"<DeleteResult></DeleteResult>")

    with scripted(old_minio) as server:
        open_lake("s3://crypto-raw", S3Options(server.url, *KEYS)).delete([KEY])
        (request,) = server.requests
        assert KEY.encode() in request.body


def test_a_delete_that_fails_for_one_key_is_an_error() -> None:
    refused = f"<Error><Key>{KEY}</Key><Code>AccessDenied</Code></Error>"
    body = f"<DeleteResult>{refused}</DeleteResult>".encode()
    with scripted(in_turn(Answer(200, body))) as server:
        lake = open_lake("s3://crypto-raw", S3Options(server.url, *KEYS))
        with pytest.raises(LakeRefused, match=f"{KEY}: AccessDenied"):
            lake.delete([KEY])


def _object(body: bytes, cut: int | None = None) -> Answer:
    headers = {"ETag": '"1"', "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
    return Answer(200, body, headers, cut)


def test_a_truncated_body_is_requested_again() -> None:
    with scripted(in_turn(_object(b"[[1],[2]]", 4), _object(b"[[1],[2]]"))) as server:
        lake = open_lake("s3://crypto-raw", S3Options(server.url, *KEYS))
        assert lake.get(KEY) == b"[[1],[2]]"


def test_a_body_that_is_always_truncated_is_unavailable() -> None:
    with scripted(in_turn(_object(b"[[1],[2]]", 4))) as server:
        lake = open_lake("s3://crypto-raw", S3Options(server.url, *KEYS))
        with pytest.raises(LakeUnavailable, match="crypto-raw"):
            lake.get(KEY)


def test_without_conditional_puts_the_object_is_read_first() -> None:
    def respond(request: Request) -> Answer:
        if "If-None-Match" in request.headers:
            return Answer(501, b"<Error><Code>NotImplemented</Code></Error>")
        return Answer(404) if request.method == "HEAD" else _object(b"")

    with scripted(respond) as server:
        lake = open_lake("s3://crypto-raw", S3Options(server.url, *KEYS))
        assert lake.put(KEY, b"[[1]]", fetched_at=1, source=Source.REST, rows=1)
        methods = [r.method for r in server.requests if r.path.endswith(KEY)]
        assert methods == ["HEAD", "PUT"]


@pytest.mark.parametrize(
    "url", ["", "s3://", "s3://a", "s3://Crypto", "s3://raw/folder", "ftp://x"]
)
def test_an_invalid_address_is_wrong_use(url: str) -> None:
    with pytest.raises(WrongUse, match="is not a lake"):
        open_lake(url, S3Options())


def test_the_address_selects_the_kind_of_lake(tmp_path: Path) -> None:
    lakes: list[Lake] = [
        open_lake("s3://crypto-raw", S3Options()),
        open_lake(str(tmp_path / "raw")),
    ]
    assert [lake.bucket for lake in lakes] == ["crypto-raw", "raw"]
    assert [lake.url for lake in lakes] == ["s3://crypto-raw", str(tmp_path / "raw")]


def test_secrets_do_not_appear_in_a_representation() -> None:
    assert "hush" not in repr(S3Options("http://x", "hush", "hush"))
