"""The client of Dagster's webserver: what another or a hostile server answers."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from crypto_assets.errors import OrchestratorError
from crypto_assets.market.utc_time import to_epoch_ms
from crypto_assets.orchestrator import webserver_client
from crypto_assets.orchestrator.webserver_client import WebserverClient, epoch_seconds_to_ms
from crypto_assets_tests.services.scripted import Answer, in_turn, scripted


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(200, b"<html></html>"), "is not Dagster's webserver"),
        (Answer(404, b"[]"), "is not Dagster's webserver"),
        (Answer(200, b"[" * 100_000), "is not Dagster's webserver"),
        (Answer(200, b"9" * 100_000), "is not Dagster's webserver"),
        (Answer(200, b"{}"), "the response has no data"),
        (Answer(200, b'{"errors":7}'), "the response has no data"),
        (Answer(200, b'{"errors":[7]}'), "the response has no data"),
        (Answer(500, b'{"data":{}}'), "the response has no data"),
        (Answer(302, headers={"Location": "http://127.0.0.1:9/"}), "which is not followed"),
        (Answer(401, b'{"detail":"wrong"}'), "the same CRYPTO_OPERATOR_TOKEN"),
        (
            Answer(429, b'{"detail":"wait"}', {"Retry-After": "250"}),
            r"HTTP 429.*try again in 250 s.*the same CRYPTO_OPERATOR_TOKEN",
        ),
        (Answer(200, b"x" * 2000), "does not respond"),
    ],
)
def test_the_error_names_the_address(
    answer: Answer, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if len(answer.body) == 2000:
        monkeypatch.setattr(webserver_client, "_MAX_RESPONSE_BYTES", 1000)
    with scripted(in_turn(answer)) as server:
        with pytest.raises(OrchestratorError, match=message) as error:
            WebserverClient(server.url).run_query("{ version }")
        assert server.url in str(error.value)
        assert len(server.requests) == 1


def test_the_text_of_an_error_is_short_and_printable() -> None:
    body = orjson.dumps({"errors": [{"message": "\x1b]0;TITLE\x07" + "x" * 100_000}]})
    with (
        scripted(in_turn(Answer(200, body))) as server,
        pytest.raises(OrchestratorError) as error,
    ):
        WebserverClient(server.url).run_query("{ version }")
    assert str(error.value).isprintable() and len(str(error.value)) < 500


def test_times_are_those_that_dagster_has_stored() -> None:
    """Each microsecond of a second, without the error of the fraction."""
    second = datetime(2026, 11, 30, 16, 58, 13, tzinfo=UTC)
    moments = [second + timedelta(microseconds=us) for us in range(0, 1_000_000, 7)]
    wrong = [
        moment
        for moment in moments
        if epoch_seconds_to_ms(moment.timestamp()) != to_epoch_ms(moment)
    ]
    assert wrong == []
