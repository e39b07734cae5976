"""Commands on an S3 lake with temporary keys, and errors without keys."""

import json
from hashlib import sha1
from pathlib import Path

from crypto_assets_tests.cli.conftest import Desk, MakeDesk
from crypto_assets_tests.services.exchange import NOON, StartExchange
from crypto_assets_tests.services.s3 import S3Server, TemporaryKeys
from crypto_assets_tests.services.scripted import Answer, scripted

_DAY = ("--from", "2025-03-05", "--to", "2025-03-05")
_START_URL = "https://desk.example/start"
_FOREVER = "2099-01-01T00:00:00Z"


def on_s3(make_desk: MakeDesk, exchange: str, server: S3Server) -> Desk:
    raw, archive = (f"s3://{server.bucket_name()}" for _ in range(2))
    desk = make_desk(exchange, LAKE_RAW_URL=raw, LAKE_ARCHIVE_URL=archive)
    return Desk(desk.home, {**desk.environment, "AWS_ENDPOINT_URL_S3": server.endpoint})


def test_keys_with_a_session_token_in_the_environment(
    simulated_exchange: StartExchange, make_desk: MakeDesk, temporary_keys: TemporaryKeys
) -> None:
    desk = on_s3(make_desk, simulated_exchange(now=NOON).url, temporary_keys.server)
    keys = {
        "AWS_ACCESS_KEY_ID": temporary_keys.access_key,
        "AWS_SECRET_ACCESS_KEY": temporary_keys.secret_key,
        "AWS_SESSION_TOKEN": temporary_keys.session_token,
    }
    for words in (("init",), ("backfill", *_DAY), ("verify", *_DAY)):
        ran = desk.run(*words, **keys)
        assert ran.code == 0, ran.err
        assert temporary_keys.session_token not in ran.out + ran.err
    ran = desk.run("backfill", *_DAY, **{**keys, "AWS_SESSION_TOKEN": "hush-hush"})
    assert ran.code == 1
    assert "AWS_SESSION_TOKEN" in ran.complaint and "hush-hush" not in ran.complaint


def test_keys_from_single_sign_on(
    simulated_exchange: StartExchange,
    make_desk: MakeDesk,
    temporary_keys: TemporaryKeys,
    tmp_path: Path,
) -> None:
    given = {
        "accessKeyId": temporary_keys.access_key,
        "secretAccessKey": temporary_keys.secret_key,
        "sessionToken": temporary_keys.session_token,
        "expiration": 4_070_908_800_000,
    }
    (tmp_path / "config").write_text(
        f"[profile desk]\nsso_start_url = {_START_URL}\nsso_region = us-east-1\n"
        "sso_account_id = 123456789012\nsso_role_name = Lake\n"
    )
    desk = on_s3(make_desk, simulated_exchange(now=NOON).url, temporary_keys.server)
    with scripted(lambda _: Answer(200, json.dumps({"roleCredentials": given}).encode())) as web:
        variables = {
            "HOME": str(tmp_path),
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_PROFILE": "desk",
            "AWS_ENDPOINT_URL_SSO": web.url,
            "no_proxy": "127.0.0.1",
        }
        ran = desk.run("init", **variables)
        assert ran.code == 1
        assert "SSO Token" in ran.complaint
        name = sha1(_START_URL.encode(), usedforsecurity=False).hexdigest()
        cache = tmp_path / ".aws" / "sso" / "cache"
        cache.mkdir(parents=True)
        (cache / f"{name}.json").write_text(
            json.dumps({"accessToken": "a-token", "expiresAt": _FOREVER})
        )
        ran = desk.run("init", **variables)
        assert ran.code == 0, ran.err


def test_the_error_of_a_missing_profile_contains_its_name(
    simulated_exchange: StartExchange, make_desk: MakeDesk, s3_server: S3Server
) -> None:
    desk = on_s3(make_desk, simulated_exchange(now=NOON).url, s3_server)
    ran = desk.run("init", AWS_PROFILE="missing")
    assert ran.code == 1
    assert "AWS_PROFILE missing" in ran.complaint


def test_the_error_of_an_unknown_addressing_style_lists_the_valid_ones(make_desk: MakeDesk) -> None:
    ran = make_desk("http://127.0.0.1:9").run("status", AWS_S3_ADDRESSING_STYLE="host")
    assert ran.code == 2
    assert "AWS_S3_ADDRESSING_STYLE" in ran.complaint and "'virtual'" in ran.complaint
