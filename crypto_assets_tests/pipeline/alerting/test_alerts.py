"""Alerts reach a webhook as Slack takes them, and a storm of them does not."""

import re
from dataclasses import replace
from html import unescape

import orjson
import pytest

from crypto_assets.errors import AlertNotSent
from crypto_assets.market.utc_time import DAY_MS, HOUR_MS, MINUTE_MS, day_of, now_ms
from crypto_assets.pipeline.alerting.deduplication import AlertHistory
from crypto_assets.pipeline.alerting.stale_symbols import find_stale_symbols
from crypto_assets.pipeline.alerting.webhook import Alert, Webhook, build_webhook_message
from crypto_assets_tests.pipeline.conftest import BuildPlatform, run_ingest
from crypto_assets_tests.services.exchange import StartExchange
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted

FAILED = Alert(
    "backfill failed",
    "NOSUCH is not in the warehouse",
    symbol="NOSUCH",
    partition="2025-03-05|NOSUCH",
    link="http://127.0.0.1:3000/runs/1",
)


def test_symbol_partition_error_and_link_arrive() -> None:
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
def test_a_webhook_that_fails_is_named_without_its_secret(answer: Answer) -> None:
    with scripted(in_turn(answer)) as server, pytest.raises(AlertNotSent) as raised:
        Webhook(f"{server.url}/hooks/secret").send_alerts([FAILED])
    assert "127.0.0.1" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "secret" not in repr(Webhook("http://127.0.0.1/secret"))


def test_the_same_failure_is_said_after_growing_silences() -> None:
    memory, said = AlertHistory(), []
    for minute in range(3 * 24 * 60):
        again = replace(FAILED, partition=f"p{minute}", link=f"run {minute}", error=f"at {minute}")
        fresh, memory = memory.select_due_alerts([again], minute * MINUTE_MS + 1)
        said += [minute // 60 for _ in fresh]
    assert said == [0, 1, 3, 7, 15, 31, 55]


def test_another_failure_is_news_at_once_and_an_old_one_after_two_days() -> None:
    _, memory = AlertHistory().select_due_alerts([FAILED], 1)
    other = replace(FAILED, symbol="BTCUSDT")
    fresh, memory = memory.select_due_alerts([FAILED, other, other], 2)
    assert fresh == [other]
    assert memory.select_due_alerts([FAILED], HOUR_MS)[0] == []
    fresh, memory = memory.select_due_alerts([FAILED], 3 * DAY_MS)
    assert fresh == [FAILED]
    assert memory.sent == {FAILED.fingerprint: (3 * DAY_MS, 1)}


def test_no_storm_however_many_fail_at_once() -> None:
    """400 symbols whose every job fails are told once an hour at most; so are three times as many,
    of which the memory keeps what fits into it."""
    for many in (1200, 3600):
        failing = [replace(FAILED, symbol=f"S{n}") for n in range(many)]
        memory, told = AlertHistory(), []
        for minute in range(60):
            fresh, memory = memory.select_due_alerts(failing, now_ms() + minute * MINUTE_MS)
            told.append(len(fresh))
        assert told[0] == min(many, 2001)
        assert sum(told[1:]) == 0
        assert len(orjson.dumps(memory.sent)) < 70_000


def test_when_the_memory_is_full_those_that_are_new_speak_with_one_voice() -> None:
    _, memory = AlertHistory().select_due_alerts(
        [replace(FAILED, symbol=f"S{n}") for n in range(2000)], 1
    )
    new = [replace(FAILED, symbol=f"T{n}") for n in range(100)]
    fresh, memory = memory.select_due_alerts(new, 2)
    assert fresh == new[:1]
    assert memory.select_due_alerts(new[1:], 3)[0] == []
    assert memory.select_due_alerts([replace(FAILED, symbol="S7")], HOUR_MS)[0] == []
    assert memory.select_due_alerts([new[5]], 3 * DAY_MS) == (
        [new[5]],
        AlertHistory({new[5].fingerprint: (3 * DAY_MS, 1)}),
    )


def test_what_others_wrote_calls_no_channel_and_hides_no_link() -> None:
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


def test_one_silent_symbol_among_those_that_are_fed(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange(now=now_ms())
    platform = build_platform(server, "BTCUSDT", "ETHUSDT", "SOLUSDT")
    fed = ("BTCUSDT", "ETHUSDT")
    today = day_of(platform.exchange_now())
    run_ingest(platform, *fed, "SOLUSDT", first=today, last=today, tail=True)
    assert find_stale_symbols(platform) == []
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql(
            "UPDATE extraction_metadata SET last_open_time = last_open_time - 1200000,"
            " last_fetch_time = last_fetch_time - 1200000 WHERE symbol_id = 3"
        )
    )
    (silent,) = find_stale_symbols(platform)
    assert silent.symbol == "SOLUSDT"
    assert silent.build_alert("link").subject == "SOLUSDT is silent"


def test_a_symbol_that_is_being_fetched_from_far_behind_is_not_silent(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    platform = build_platform(simulated_exchange(now=now_ms() + 5 * DAY_MS))
    first = day_of(now_ms())
    run_ingest(platform, first=first, last=first)
    assert find_stale_symbols(platform) == []


def test_an_exchange_that_does_not_answer_hides_no_silence(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange()
    platform = build_platform(server)
    run_ingest(platform)
    platform.warehouse._database.run_write(
        lambda c: c.exec_driver_sql("UPDATE extraction_metadata SET last_fetch_time = 1")
    )
    server.faults.add_rule({"do": "status", "status": 451})
    assert [one.symbol for one in find_stale_symbols(platform)] == ["BTCUSDT"]


@pytest.mark.parametrize("url", ["http://user:p#s3cret@host/x", "http://user:p/s3cret@host/x"])
def test_a_place_never_has_a_part_of_a_password(url: str) -> None:
    assert Webhook(url).display_address == "host"


def test_an_address_that_is_none_has_no_place() -> None:
    assert Webhook("http://host:port/s3cret").display_address == "an address that is none"
