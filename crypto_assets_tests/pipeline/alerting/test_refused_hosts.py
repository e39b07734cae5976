"""Where alerts must not go: to a redirect's target, and to the credentials service of a cloud."""

import socket
import time
from collections.abc import Iterator

import pytest

from crypto_assets.errors import AlertNotSent, WrongUse
from crypto_assets.http_client import RequestTimeouts
from crypto_assets.pipeline.alerting import webhook
from crypto_assets.pipeline.alerting.destination import send_test_alert, validate_webhook_url
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets_tests.services.raw_http import serve_raw
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted

REFUSED_HOSTS = [
    "169.254.169.254",
    "169.254.0.1",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "\uff11\uff16\uff19.254.169.254",
    "169\u3002254\u3002169\u3002254",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::169.254.169.254]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "[fe80::1]",
    "[fe80::1%lo]",
    "[fd00:ec2::254]",
    "0.0.0.0",  # noqa: S104
    "0",
    "[::]",
    "[::ffff:0.0.0.0]",
]


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_a_link_local_or_unspecified_address_is_refused_in_every_spelling(host: str) -> None:
    with pytest.raises(WrongUse, match=r"cannot receive alerts|enter a full URL"):
        validate_webhook_url(f"http://{host}/latest/meta-data")
    # The environment's address is not validated before it is used.
    with pytest.raises(AlertNotSent, match=r"cannot receive alerts|not a web address"):
        Webhook(f"http://{host}/latest/meta-data").send_alerts([Alert("a", "b")])


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "10.1.2.3", "192.168.0.9", "[fd00::1]", "mattermost", "2130706433"],
)
def test_other_internal_addresses_are_allowed(host: str) -> None:
    url = f"http://{host}:8065/hooks/x"
    assert validate_webhook_url(url) == url


@pytest.mark.parametrize("host", ["**bold**", "`code`", "[x](y)", "a<b>", "a'b", 'a"b', "a|b"])
def test_a_host_with_markup_is_refused(host: str) -> None:
    with pytest.raises(WrongUse, match="enter a full URL"):
        validate_webhook_url(f"http://{host}/x")


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1"])
def test_a_name_with_such_an_address_is_refused_before_a_connection(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(AlertNotSent, match=f"{address} cannot receive alerts"):
        Webhook("http://hooks.example/x").send_alerts([Alert("a", "b")])


def test_a_name_that_changes_its_address_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second lookup is that of the connection, whose peer is checked too."""
    resolve = socket.getaddrinfo
    with scripted(in_turn(Answer())) as server:
        looked_up = []

        def resolve_twice(host: str, *rest: object, **options: object) -> object:
            looked_up.append(host)
            first = len(looked_up) == 1
            return resolve("127.0.0.1" if first else host, *rest, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(socket, "getaddrinfo", resolve_twice)
        monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("169.254.169.254", 80))
        with pytest.raises(AlertNotSent, match=r"169\.254\.169\.254 cannot receive alerts"):
            Webhook(server.url).send_alerts([Alert("a", "b")])
        assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_that_shows_the_target_without_its_path(status: int) -> None:
    with scripted(in_turn(Answer())) as inner:
        location = f"{inner.url}/api/admin/s3cret"
        with scripted(in_turn(Answer(status, headers={"Location": location}))) as outer:
            with pytest.raises(AlertNotSent) as error:
                send_test_alert([Webhook(f"{outer.url}/hooks/s3cret")])
            assert [request.method for request in outer.requests] == ["POST"]
        assert inner.requests == []
    assert f"redirects (HTTP {status}) to {inner.url}, which is not followed" in str(error.value)
    assert "give the address that it redirects to" in str(error.value)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("location", ["", "http://[", "javascript:alert(1)", "\x1b]0;x", "//"])
def test_an_odd_target_of_a_redirect_is_not_shown(location: str) -> None:
    with (
        scripted(in_turn(Answer(301, headers={"Location": location}))) as server,
        pytest.raises(AlertNotSent, match="which is not followed") as error,
    ):
        send_test_alert([Webhook(server.url)])
    assert str(error.value).isprintable()


def test_a_slow_receiver_is_an_error_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def send_slowly() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            time.sleep(0.05)
            yield b"o"

    monkeypatch.setattr(webhook, "_TIMEOUTS", RequestTimeouts(connect=2, read=2, total=0.3))
    with serve_raw(send_slowly) as server, pytest.raises(AlertNotSent, match="does not respond"):
        send_test_alert([Webhook(server.url)])


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("https://hooks.example/x", False),
        ("http://127.0.0.1:8065/x", False),
        ("http://localhost/x", False),
        ("http://[::1]:8065/x", False),
        ("http://mattermost:8065/x", True),
        ("HTTP://10.0.0.5/x", True),
        (None, False),
    ],
)
def test_plain_http_to_another_machine_is_warned_of(url: str | None, warns: bool) -> None:
    warning = Webhook(url).warning
    assert (warning is not None) == warns
    assert warning is None or "without encryption" in warning
