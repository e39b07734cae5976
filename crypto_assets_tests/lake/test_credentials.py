"""The credentials of an S3 lake: from the settings, else found by boto3."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from crypto_assets.errors import LakeRefused, LakeUnavailable
from crypto_assets.lake import Lake, S3Options, open_lake, s3_client
from crypto_assets.lake.s3_bucket import S3Bucket
from crypto_assets.settings import Settings
from crypto_assets.wiring import open_lake_at
from crypto_assets_tests.services.s3 import ROLE_ARN, S3Server, TemporaryKeys
from crypto_assets_tests.services.scripted import Answer, Request, ScriptedServer, scripted

FAR_FUTURE = "2099-01-01T00:00:00Z"


@dataclass(frozen=True)
class Desk:
    """A home with AWS files, the keys of these files, and a scripted server."""

    home: Path
    keys: TemporaryKeys
    web: ScriptedServer

    @property
    def ini(self) -> str:
        return (
            f"aws_access_key_id = {self.keys.access_key}\n"
            f"aws_secret_access_key = {self.keys.secret_key}\n"
            f"aws_session_token = {self.keys.session_token}\n"
        )

    @property
    def json(self) -> dict[str, str]:
        return {
            "AccessKeyId": self.keys.access_key,
            "SecretAccessKey": self.keys.secret_key,
            "Token": self.keys.session_token,
            "Expiration": FAR_FUTURE,
        }

    def write(self, name: str, text: str) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@pytest.fixture(autouse=True)
def clean_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the credentials and the metadata service of the machine."""
    for name in Settings.model_fields:
        if name.startswith("s3_"):
            for choice in Settings.model_fields[name].validation_alias.choices:  # type: ignore[union-attr]
                monkeypatch.delenv(str(choice), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3_client._open_client.cache_clear()


def open_with(keys: TemporaryKeys, **settings: str) -> Lake:
    """Open a lake that does not exist, with the environment and these settings."""
    server = keys.server
    chosen = Settings(_env_file=None, s3_endpoint_url=server.endpoint, **settings)
    return open_lake_at(chosen, f"s3://{server.bucket_name()}")


def use(lake: Lake) -> None:
    lake.create_storage()
    lake.check_writable()
    assert list(lake.list_entries()) == []


def in_environment(desk: Desk) -> Mapping[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": desk.keys.access_key,
        "AWS_SECRET_ACCESS_KEY": desk.keys.secret_key,
        "AWS_SESSION_TOKEN": desk.keys.session_token,
    }


def in_the_default_profile(desk: Desk) -> Mapping[str, str]:
    desk.write("credentials", f"[default]\n{desk.ini}")
    return {"AWS_PROFILE": ""}  # empty, as a compose file passes an unset variable


def in_a_named_profile(desk: Desk) -> Mapping[str, str]:
    desk.write("credentials", f"[desk]\n{desk.ini}")
    return {"AWS_PROFILE": "desk"}


def from_a_program(desk: Desk) -> Mapping[str, str]:
    given = json.dumps(
        {
            "Version": 1,
            "AccessKeyId": desk.keys.access_key,
            "SecretAccessKey": desk.keys.secret_key,
            "SessionToken": desk.keys.session_token,
            "Expiration": FAR_FUTURE,
        }
    )
    script = desk.write("give.py", f"print('''{given}''')")
    desk.write("config", f"[profile desk]\ncredential_process = {sys.executable} {script}\n")
    return {"AWS_PROFILE": "desk"}


def by_a_role_of_a_profile(desk: Desk) -> Mapping[str, str]:
    server = desk.keys.server
    desk.write(
        "credentials",
        f"[user]\naws_access_key_id = {server.access_key}\n"
        f"aws_secret_access_key = {server.secret_key}\n",
    )
    desk.write(
        "config", f"[profile desk]\nrole_arn = {ROLE_ARN}\nsource_profile = user\nregion = xx-1\n"
    )
    return {"AWS_PROFILE": "desk", "AWS_ENDPOINT_URL_STS": server.endpoint}


def by_a_web_identity(desk: Desk) -> Mapping[str, str]:
    given = "".join(f"<{name}>{value}</{name}>" for name, value in desk.json.items())
    given = given.replace("Token>", "SessionToken>")
    answer = f"""<AssumeRoleWithWebIdentityResponse
        xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
        <Credentials>{given}</Credentials></AssumeRoleWithWebIdentityResult>
        </AssumeRoleWithWebIdentityResponse>"""

    def respond(request: Request) -> Answer:
        assert b"WebIdentityToken=from-the-cluster" in request.body
        return Answer(200, answer.encode(), {"Content-Type": "text/xml"})

    desk.web.respond = respond
    return {
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/Lake",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(desk.write("token", "from-the-cluster")),
        "AWS_ENDPOINT_URL_STS": desk.web.url,
    }


def by_the_role_of_a_container(desk: Desk) -> Mapping[str, str]:
    desk.web.respond = lambda _: Answer(200, json.dumps(desk.json).encode())
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{desk.web.url}/role"}


def by_the_role_of_an_instance(desk: Desk) -> Mapping[str, str]:
    def respond(request: Request) -> Answer:
        if request.path.endswith("/api/token"):
            return Answer(200, b"a-token")
        if request.path.endswith("/security-credentials/"):
            return Answer(200, b"Lake")
        return Answer(200, json.dumps({"Code": "Success", **desk.json}).encode())

    desk.web.respond = respond
    return {
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{desk.web.url}/",
    }


@pytest.mark.parametrize(
    "prepare",
    [
        in_environment,
        in_the_default_profile,
        in_a_named_profile,
        from_a_program,
        by_a_role_of_a_profile,
        by_a_web_identity,
        by_the_role_of_a_container,
        by_the_role_of_an_instance,
    ],
)
def test_keys_with_a_session_token_work_from_every_source_of_boto3(
    prepare: Callable[[Desk], Mapping[str, str]],
    temporary_keys: TemporaryKeys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scripted(lambda _: Answer(404)) as web:
        for name, value in prepare(Desk(tmp_path, temporary_keys, web)).items():
            monkeypatch.setenv(name, value)
        use(open_with(temporary_keys))


def test_keys_without_their_token_are_rejected(temporary_keys: TemporaryKeys) -> None:
    key, secret = temporary_keys.access_key, temporary_keys.secret_key
    lake = open_with(temporary_keys, s3_access_key_id=key, s3_secret_access_key=secret)
    with pytest.raises(LakeRefused, match=r"rejects the key.*AWS_ACCESS_KEY_ID"):
        lake.check_writable()
    mismatched = open_with(
        temporary_keys,
        s3_access_key_id=key,
        s3_secret_access_key=secret,
        s3_session_token="of-another-key",
    )
    with pytest.raises(LakeRefused, match="AWS_SESSION_TOKEN") as error:
        mismatched.check_writable()
    assert "of-another-key" not in str(error.value) and secret not in str(error.value)


def test_keys_of_the_settings_take_precedence_over_a_profile(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "credentials").write_text(
        "[desk]\naws_access_key_id = other\naws_secret_access_key = other\n"
    )
    for name, value in {**s3_server.environment(), "AWS_PROFILE": "desk"}.items():
        monkeypatch.setenv(name, value)
    use(open_lake_at(Settings(_env_file=None), f"s3://{s3_server.bucket_name()}"))


def test_region_and_address_come_from_a_profile_too(tmp_path: Path, s3_server: S3Server) -> None:
    (tmp_path / "credentials").write_text(
        f"[desk]\naws_access_key_id = {s3_server.access_key}\n"
        f"aws_secret_access_key = {s3_server.secret_key}\n"
    )
    (tmp_path / "config").write_text(
        f"[profile desk]\nregion = eu-south-2\nendpoint_url = {s3_server.endpoint}\n"
    )
    use(open_lake(f"s3://{s3_server.bucket_name()}", S3Options(profile="desk")))
    client = S3Bucket("any-bucket", S3Options(profile="desk"))._s3_client
    assert (client.meta.region_name, client.meta.endpoint_url) == (
        "eu-south-2",
        s3_server.endpoint,
    )
    named = S3Bucket("any-bucket", S3Options(profile="desk", region="us-west-2"))._s3_client
    assert named.meta.region_name == "us-west-2"
    own = S3Bucket("any-bucket", S3Options(s3_server.endpoint, "a", "b", profile="desk"))._s3_client
    assert own.meta.region_name == "us-east-1"


def test_the_token_of_the_dotenv_belongs_to_the_keys_of_the_dotenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "AWS_ACCESS_KEY_ID=file\nAWS_SECRET_ACCESS_KEY=file\nAWS_SESSION_TOKEN=file\n"
    )
    own = Settings(_env_file=dotenv).s3_session_token
    assert own is not None and own.get_secret_value() == "file"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "environment")
    assert Settings(_env_file=dotenv).s3_session_token is None


def refused(options: S3Options) -> str:
    """Return the message of every method: the same single line."""
    lake = open_lake("s3://crypto-raw", options)
    messages = set[str]()
    for call in (
        lake.check_writable,
        lake.create_storage,
        lake.get_owner,
        lambda: list(lake.list_entries()),
    ):
        with pytest.raises((LakeRefused, LakeUnavailable)) as error:
            call()
        messages.add(str(error.value))
    (line,) = messages
    assert "\n" not in line
    return line


def test_the_error_names_a_missing_profile() -> None:
    message = refused(S3Options("http://127.0.0.1:9", profile="missing"))
    assert "AWS_PROFILE missing" in message and "AWS_SHARED_CREDENTIALS_FILE" in message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (S3Options("http://127.0.0.1:9"), "Unable to locate credentials"),
        (S3Options("http://127.0.0.1:9", access_key_id="half"), "aws_secret_access_key"),
        (S3Options("http://127.0.0.1:9", "a", "b", region="no region"), "no region"),
    ],
)
def test_missing_keys_and_a_wrong_region_are_errors_of_one_line(
    options: S3Options, expected: str
) -> None:
    assert expected in refused(options)


def test_the_error_names_a_program_without_keys(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile desk]\ncredential_process = /bin/false\n")
    assert "custom-process" in refused(S3Options("http://127.0.0.1:9", profile="desk"))


def test_the_error_distinguishes_a_failing_token_service_from_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("jwt-hush-hush")
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/Lake")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    denied = (
        b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        b"<Code>AccessDenied</Code><Message>not this cluster</Message></Error></ErrorResponse>"
    )
    with scripted(lambda _: Answer(403, denied)) as web:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", web.url)
        message = refused(S3Options("http://127.0.0.1:9"))
        assert "AssumeRoleWithWebIdentity returns no credentials (AccessDenied not this" in message
    s3_client._open_client.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://localhost:9")
    message = refused(S3Options("http://127.0.0.1:9"))
    assert "localhost, the source of the credentials, does not respond" in message
    assert "hush" not in message
