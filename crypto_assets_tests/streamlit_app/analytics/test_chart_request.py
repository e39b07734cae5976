"""The address of a chart: what is not valid is a problem, and nothing is replaced silently."""

from datetime import date

import pytest

from crypto_assets.analytics.registry import find_providers
from streamlit_app.analytics.chart_request import ChartRequest, parse_request

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "LTCUSDT"]


def parse(**query: str) -> ChartRequest:
    return parse_request(
        {name: [value] for name, value in query.items()}, SYMBOLS, find_providers()
    )


def test_a_bare_address_has_no_problem() -> None:
    request = parse()
    assert (request.symbol, request.interval, request.chart_range) == ("BTCUSDT", "1h", "1w")
    assert (request.problems, request.dates, request.compared_symbols) == ((), None, ())
    assert [each.key for each in request.indicators] == ["ema", "rsi", "sma", "volume"]


def test_an_unknown_symbol_is_never_replaced() -> None:
    for text in ("NOPE", "<b>x</b>", ""):
        request = parse(symbol=text)
        assert request.symbol is None
        assert "No data of symbol" in request.problems[0]
    assert parse(symbol="ethusdt").symbol == "ETHUSDT"


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"interval": "7m"}, "Interval `7m` is not available: choose one of 1m, 3m"),
        ({"range": "x"}, "Range `x` is not available: choose one of 6h, 1d"),
        ({"view": "9-3"}, "View `9-3` is not a range of time"),
        ({"view": "later"}, "View `later` is not a range of time"),
        ({"dates": "2025-01-02,2025-01-01"}, "are not a range of days"),
        ({"type": "pie"}, "Type `pie` is not available: choose one of Candles, Hollow"),
        ({"scale": "x"}, "Scale `x` is not available: choose one of linear, log, percent"),
        ({"markers": "no"}, "Markers `no` is not available: write true or false"),
        ({"tz": "Mars/X"}, "Time zone `Mars/X` is unknown: write UTC, local, exchange, or a name"),
        ({"dates": "soon"}, "Dates `soon` are not a range of days"),
        ({"compare": "NOPE"}, "No data of `NOPE` is stored, so it is not compared"),
        ({"compare": ",".join(SYMBOLS)}, "At most 4 symbols are compared; LTCUSDT is left out"),
        ({"ema_period": "900"}, "(ema) is not drawn: period must be 1 to 500, not 900"),
        ({"rsi_period": "1"}, "(rsi) is not drawn: period must be 2 to 100, not 1"),
        ({"volume_profile_bins": "0"}, "(volume_profile) is not drawn: bins must be 1 to 500"),
    ],
)
def test_each_value_that_is_not_valid_is_a_problem(query: dict[str, str], problem: str) -> None:
    request = parse(**query)
    assert len(request.problems) == 1 and problem in request.problems[0]
    assert request.symbol == "BTCUSDT"


def test_valid_values_are_taken() -> None:
    request = parse(interval="4h", range="Dates", dates="2025-01-01,2025-01-05", compare="ETHUSDT")
    assert (request.interval, request.chart_range) == ("4h", "Dates")
    assert request.dates == (date(2025, 1, 1), date(2025, 1, 5))
    assert request.compared_symbols == ("ETHUSDT",) and not request.problems
    request = parse(type="Heikin-Ashi", scale="log", tz="Asia/Kolkata")
    assert (request.chart_type, request.scale, request.zone) == (
        "Heikin-Ashi",
        "log",
        "Asia/Kolkata",
    )
    assert not request.problems and not parse(tz="exchange").problems
    assert request.has_markers and not parse(markers="false").has_markers


def test_a_symbol_is_not_correlated_with_itself() -> None:
    def find_other(**query: str) -> object:
        (instance,) = (
            i for i in parse(correlation="true", **query).indicators if i.key == "correlation"
        )
        return dict(instance.params)["with"]

    assert find_other() == "ETHUSDT"
    assert find_other(symbol="SOLUSDT") == "BTCUSDT"
    assert find_other(correlation_with="XRPUSDT") == "XRPUSDT"
