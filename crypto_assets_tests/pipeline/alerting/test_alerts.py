"""Alerts reach a webhook in the format of Slack, and repeated alerts are deduplicated."""

import re
from dataclasses import replace
from html import unescape

import orjson
import pytest

from crypto_assets.errors import AlertNotSent
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_of, now_ms
from crypto_assets.pipeline.alerting.alert_repetition import AlertHistory
from crypto_assets.pipeline.alerting.stale_symbols import build_stale_symbol_alert
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook, build_webhook_message
from crypto_assets.warehouse import StaleSymbol
from crypto_assets_tests.pipeline.conftest import BuildPlatform, list_stale_names, run_ingest
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted

FAILED = Alert(
    "backfill failed",
    "NOSUCH is not in the warehouse",
    symbol="NOSUCH",
    partition="2025-03-05|NOSUCH",
    link="http://127.0.0.1:3000/runs/1",
)


def test_an_alert_has_symbol_partition_error_and_link() -> None:
    with scripted(in_turn(Answer(body=b"ok"))) as server:
        Webhook(f"{server.url}/hooks/secret").send_alerts([FAILED])
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/hooks/secret")
    assert request.headers["Content-Type"] == "application/json"
    sent = orjson.loads(request.body)
    assert sent["text"] == "crypto-assets: backfill failed"
    (attachment,) = sent["attachments"]
    assert attachment["title_link"] == FAILED.link
    shown = {one["title"]: one["value"] for one in attachment["fields"]}
    assert shown == {
        "symbol": FAILED.symbol,
        "partition": FAILED.partition,
        "error": FAILED.error,
    }


def test_many_alerts_are_one_message() -> None:
    with scripted(in_turn(Answer())) as server:
        Webhook(server.url).send_alerts([replace(FAILED, symbol=f"S{n}") for n in range(25)])
    (request,) = server.requests
    sent = orjson.loads(request.body)
    assert sent["text"] == "crypto-assets: 25 alerts (15 not shown)"
    assert len(sent["attachments"]) == 10


@pytest.mark.parametrize("answer", [Answer(404), Answer(500), Answer(cut=-1)])
def test_the_error_of_a_webhook_hides_its_secret(answer: Answer) -> None:
    with scripted(in_turn(answer)) as server, pytest.raises(AlertNotSent) as raised:
        Webhook(f"{server.url}/hooks/secret").send_alerts([FAILED])
    assert "127.0.0.1" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "secret" not in repr(Webhook("http://127.0.0.1/secret"))


def test_a_repeated_alert_is_sent_after_growing_pauses() -> None:
    history, sent_hours = AlertHistory(), []
    for minute in range(3 * 24 * 60):
        again = replace(FAILED, partition=f"p{minute}", link=f"run {minute}", error=f"at {minute}")
        due, history = history.select_due_alerts([again], minute * MINUTE_MS + 1)
        sent_hours += [minute // 60 for _ in due]
    assert sent_hours == [0, 1, 3, 7, 15, 31, 55]


def test_a_new_alert_is_sent_at_once_and_an_old_one_is_new_after_two_days() -> None:
    _, history = AlertHistory().select_due_alerts([FAILED], 1)
    other = replace(FAILED, symbol="BTCUSDT")
    due, history = history.select_due_alerts([FAILED, other, other], 2)
    assert due == [other]
    assert history.select_due_alerts([FAILED], HOUR_MS)[0] == []
    due, history = history.select_due_alerts([FAILED], 3 * DAY_MS)
    assert due == [FAILED]
    assert history.sent == {FAILED.fingerprint: (3 * DAY_MS, 1)}


def test_many_failing_jobs_are_reported_once_an_hour_at_most() -> None:
    """As many as every job of 400 symbols, and three times as many, which exceed the history."""
    for many in (1200, 3600):
        failing = [replace(FAILED, symbol=f"S{n}") for n in range(many)]
        history, counts = AlertHistory(), []
        for minute in range(60):
            due, history = history.select_due_alerts(failing, now_ms() + minute * MINUTE_MS)
            counts.append(len(due))
        assert counts[0] == min(many, 2001)
        assert sum(counts[1:]) == 0
        assert len(orjson.dumps(history.sent)) < 70_000


def test_new_alerts_share_one_fingerprint_when_the_history_is_full() -> None:
    _, history = AlertHistory().select_due_alerts(
        [replace(FAILED, symbol=f"S{n}") for n in range(2000)], 1
    )
    new = [replace(FAILED, symbol=f"T{n}") for n in range(100)]
    due, history = history.select_due_alerts(new, 2)
    assert due == new[:1]
    assert history.select_due_alerts(new[1:], 3)[0] == []
    assert history.select_due_alerts([replace(FAILED, symbol="S7")], HOUR_MS)[0] == []
    assert history.select_due_alerts([new[5]], 3 * DAY_MS) == (
        [new[5]],
        AlertHistory({new[5].fingerprint: (3 * DAY_MS, 1)}),
    )


def test_markup_in_an_alert_is_escaped() -> None:
    odd = Alert(
        "<!here> failed",
        "<!channel> <https://evil.example|click> & more" + "&" * 2000,
        symbol="<@U1>",
        partition="2025-03-05|<@U1>",
        link="http://127.0.0.1:3000/runs/1?a=1&b=2",
    )
    whole = build_webhook_message([odd])
    (attachment,) = whole["attachments"]
    assert attachment.pop("title_link") == odd.link
    texts = [whole["text"], attachment["title"], attachment["fallback"]]
    texts += [one["value"] for one in attachment["fields"]]
    assert not re.search("[<>]|&(?!(amp|lt|gt);)", "".join(texts))
    shown = {one["title"]: unescape(one["value"]) for one in attachment["fields"]}
    assert shown == {"symbol": odd.symbol, "partition": odd.partition, "error": odd.error[:1000]}
    assert unescape(whole["text"]) == "crypto-assets: <!here> failed"


def test_one_stale_symbol_among_current_ones_is_found(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=now_ms())
    platform = build_platform(server, "BTCUSDT", "ETHUSDT", "SOLUSDT")
    today = day_of(platform.exchange_now())
    run_ingest(platform, "BTCUSDT", "ETHUSDT", "SOLUSDT", first=today, last=today, tail=True)
    assert list_stale_names(platform) == []
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql(
            "UPDATE extraction_metadata SET last_open_time = last_open_time - 1200000,"
            " last_fetch_time = last_fetch_time - 1200000 WHERE symbol_id = 3"
        )
    )
    assert list_stale_names(platform) == ["SOLUSDT"]
    stale = StaleSymbol("SOLUSDT", None)
    assert build_stale_symbol_alert(stale, "link").subject == "SOLUSDT is stale"


def test_a_symbol_that_catches_up_from_far_behind_is_not_stale(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=now_ms() + 5 * DAY_MS))
    first = day_of(now_ms())
    run_ingest(platform, first=first, last=first)
    assert list_stale_names(platform) == []


def test_a_stale_symbol_is_found_while_the_exchange_does_not_answer(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange()
    platform = build_platform(server)
    run_ingest(platform)
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql("UPDATE extraction_metadata SET last_fetch_time = 1")
    )
    server.faults.add_rule({"do": "status", "status": 451})
    assert list_stale_names(platform) == ["BTCUSDT"]


@pytest.mark.parametrize("url", ["http://user:p#s3cret@host/x", "http://user:p/s3cret@host/x"])
def test_a_display_address_has_no_part_of_a_password(url: str) -> None:
    assert Webhook(url).display_address == "host"


def test_an_invalid_address_is_displayed_as_such() -> None:
    assert Webhook("http://host:port/s3cret").display_address == "an invalid address"
