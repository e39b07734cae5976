"""Targets of alerts: real messages to a mail server and over HTTP, and addresses that are wrong."""

import math
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import orjson
import pytest
from aiosmtpd.controller import Controller

from crypto_assets.errors import AlertNotSent
from crypto_assets.pipeline.alerting.delivery import UnsentAlert, deliver_alerts
from crypto_assets.pipeline.alerting.targets import list_targets, parse_alert_urls
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted

ALERT = Alert(
    "BTCUSDT close of 1h crosses above 75,000",
    "candle closed at 2025-03-06T01:00:00Z, value 75,000.5",
    symbol="BTCUSDT",
    link="http://app/analytics?symbol=BTCUSDT",
    is_notice=True,
)


class MailServer:
    """Keeps the messages that it accepts."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[MailServer, int]]:
    server = MailServer()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server, port
    controller.stop()


def test_an_alert_arrives_as_a_mail(mail: tuple[MailServer, int]) -> None:
    server, port = mail
    (target,) = parse_alert_urls(
        f"mailto://127.0.0.1:{port}/?from=crypto@example.com&to=desk@example.com&mode=insecure"
    )
    target.send_alerts([ALERT])
    (message,) = server.messages
    assert message["To"] == "desk@example.com"
    assert message["Subject"] == ALERT.subject
    body = message.get_body(("plain", "html"))
    assert body is not None
    text = body.get_content()
    assert ALERT.error in text and ALERT.link in text.replace("&amp;", "&")


def test_each_target_gets_the_alert(mail: tuple[MailServer, int]) -> None:
    with scripted(in_turn(Answer(), Answer())) as server:
        host = server.url.removeprefix("http://")
        targets = list_targets(
            Webhook(server.url),
            f"json://{host}/hook mailto://127.0.0.1:{mail[1]}/?from=a@example.com&mode=insecure",
        )
        for target in targets:
            target.send_alerts([ALERT])
        slack, apprise = (orjson.loads(request.body) for request in server.requests)
    assert slack["attachments"][0]["title"] == ALERT.subject
    assert slack["attachments"][0]["color"] == "#2e7d32"
    assert apprise["title"] == ALERT.subject and apprise["type"] == "info"
    assert len(mail[0].messages) == 1
    names = [target.name for target in targets]
    assert names[0] == "webhook" and len(set(names)) == 3


def test_a_target_that_refuses_says_which_one_without_its_secret() -> None:
    with scripted(in_turn(Answer(500))) as server:
        host = server.url.removeprefix("http://")
        (target,) = parse_alert_urls(f"json://user:hush-hush@{host}")
        with pytest.raises(AlertNotSent, match="the alert target json-") as error:
            target.send_alerts([ALERT])
    assert "hush" not in f"{error.value}{target!r}{target.name}"


@pytest.mark.parametrize("text", ["tgram://hush", "nosuch://hush", "hush-hush"])
def test_an_address_that_apprise_does_not_know_fails_without_its_secret(text: str) -> None:
    (target,) = parse_alert_urls(text)
    with pytest.raises(AlertNotSent, match="CRYPTO_ALERT_URLS") as error:
        target.send_alerts([ALERT])
    assert "hush" not in str(error.value)


def test_a_wrong_address_does_not_stop_the_webhook() -> None:
    with scripted(in_turn(Answer())) as server:
        targets = list_targets(Webhook(server.url), "nosuch://hush")
        delivery = deliver_alerts(targets, [UnsentAlert.to_targets(ALERT, targets, since=0)])
        assert len(server.requests) == 1
    (failure,) = delivery.failures
    assert "nosuch" in failure
    (unsent,) = delivery.unsent
    assert unsent.missing == {targets[1].name}


def test_a_target_that_takes_one_message_of_several_gets_only_the_others_again() -> None:
    """As a message of its own each; the webhook takes all of them as one."""
    alerts = [replace(ALERT, subject=f"alert {n}") for n in range(3)]
    with (
        scripted(in_turn(Answer())) as slack,
        scripted(in_turn(Answer(), Answer(503), Answer())) as refusing,
    ):
        targets = list_targets(Webhook(slack.url), refusing.url.replace("http", "json"))
        unsent = tuple(UnsentAlert.to_targets(alert, targets, since=0) for alert in alerts)
        while unsent:
            stored = orjson.loads(orjson.dumps([item.to_json() for item in unsent]))
            unsent = deliver_alerts(targets, [*map(UnsentAlert.from_json, stored)]).unsent
        titles = [orjson.loads(request.body)["title"] for request in refusing.requests]
        (message,) = [orjson.loads(request.body) for request in slack.requests]
    assert titles == ["alert 0", "alert 1", "alert 2", "alert 1"]
    assert [one["title"] for one in message["attachments"]] == ["alert 0", "alert 1", "alert 2"]


@pytest.mark.parametrize("rejected", [{0}, {3}, {0, 1}, {0, 4, 9}, set(range(9))])
@pytest.mark.parametrize("kind", ["webhook", "json"])
def test_alerts_that_a_target_always_rejects_keep_no_other_waiting(
    rejected: set[int], kind: str
) -> None:
    """Each other one arrives once, and those of one message in their order."""
    alerts = [replace(ALERT, subject=f"alert {n}") for n in range(10)]
    bad = [f'"alert {n}"'.encode() for n in rejected]
    with scripted(
        lambda request: Answer(400 if any(title in request.body for title in bad) else 200)
    ) as server:
        webhook = Webhook(server.url if kind == "webhook" else None)
        targets = list_targets(webhook, "" if webhook.url else server.url.replace("http", "json"))
        unsent = tuple(UnsentAlert.to_targets(alert, targets, since=0) for alert in alerts)
        attempts = 0
        while len(unsent) > len(rejected):
            delivery = deliver_alerts(targets, unsent)
            unsent, attempts = delivery.unsent, attempts + 1
            assert len(delivery.failures) == 1
            assert attempts < 200
        bodies = [request.body for request in server.requests]
    assert [item.alert for item in unsent] == [alerts[n] for n in sorted(rejected)]
    accepted = [body for body in bodies if not any(title in body for title in bad)]
    for n in set(range(10)) - rejected:
        assert sum(f'"alert {n}"'.encode() in body for body in accepted) == 1
    if len(rejected) == 1:
        assert attempts == 1


def test_a_target_that_rejects_everything_gets_few_requests() -> None:
    alerts = [replace(ALERT, subject=f"alert {n}") for n in range(100)]
    with scripted(in_turn(Answer(401))) as server:
        for targets in (
            list_targets(Webhook(server.url), ""),
            list_targets(Webhook(), server.url.replace("http", "json")),
        ):
            before = len(server.requests)
            unsent = [UnsentAlert.to_targets(alert, targets, since=0) for alert in alerts]
            assert len(deliver_alerts(targets, unsent).unsent) == 100
            assert len(server.requests) - before <= 10


def test_a_target_that_does_not_respond_keeps_no_other_one_waiting() -> None:
    """Each gets a message also after the deadline, and those that miss old alerts come last."""
    order: list[str] = []

    @dataclass
    class Recorder:
        name: str
        max_alerts: int = 1

        def send_alerts(self, alerts: Sequence[Alert]) -> None:
            order.append(f"{self.name}: {alerts[0].subject}")

    targets = (Recorder("slow"), Recorder("quick"))
    old = UnsentAlert(replace(ALERT, subject="old"), since=0, missing=frozenset({"slow"}))
    new = UnsentAlert.to_targets(replace(ALERT, subject="new"), targets, since=1)
    delivery = deliver_alerts(targets, [old, new], deadline=-math.inf)
    assert order == ["quick: new", "slow: old"]
    assert [(item.alert.subject, item.missing) for item in delivery.unsent] == [("new", {"slow"})]


def test_chat_services_are_known() -> None:
    text = (
        "tgram://123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/12315544 "
        "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js\n"
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    )
    schemes = [target.name.partition("-")[0] for target in parse_alert_urls(text)]
    assert schemes == ["tgram", "discord", "slack"]
    assert parse_alert_urls("") == ()
