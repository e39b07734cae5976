"""A file is enough to add a provider; errors name the wrong provider, name or parameter."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from pydantic import Field

import crypto_assets.analytics.providers as package
from crypto_assets.analytics import Input, Panel, Params, Unit, provider
from crypto_assets.analytics.provider_docs import render_provider_docs
from crypto_assets.analytics.registry import find_providers, get_provider
from crypto_assets.errors import UnknownProvider, WrongUse
from crypto_assets.market.candles import CANDLE_COLUMNS
from crypto_assets_tests.analytics.market_data import WRITTEN, answer, candles

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"

NEW = '''
"""Middle: half way between high and low."""

import pandas as pd
from pydantic import Field

from crypto_assets.analytics.provider import Panel, Params, provider


class MiddleParams(Params):
    weight: float = Field(0.5, ge=0, le=1, description="part of the high")


@provider(title="Middle", panel=Panel.PRICE, columns={"middle": "quote units"})
def middle(candles: pd.DataFrame, params: MiddleParams) -> pd.DataFrame:
    """Between high and low."""
    part = params.weight
    return pd.DataFrame({"middle": candles["high"] * part + candles["low"] * (1 - part)})
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files are found as providers too."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    before = set(sys.modules)
    importlib.invalidate_caches()
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_all_documented_providers_exist() -> None:
    assert set(WRITTEN) == {
        *("candlestick", "volume", "sma", "ema", "rsi", "macd", "bollinger", "atr", "stochastic"),
        *("obv", "vwap", "volatility", "drawdown", "correlation", "correlation_matrix"),
        *("price_distribution", "return_distribution", "volume_profile", "order_book"),
    }


def test_a_new_file_is_a_new_provider(folder: Path) -> None:
    assert "middle" not in find_providers()
    (folder / "middle.py").write_text(NEW)
    importlib.invalidate_caches()
    found = get_provider("middle")
    frame = candles(10)
    values = answer(found, frame, found.parse_params({"weight": "1"}))["middle"]
    pd.testing.assert_series_equal(values, frame["high"], check_names=False)
    assert "## middle" in render_provider_docs() and "number, 0 to 1" in render_provider_docs()


def test_two_providers_with_one_name_are_refused(folder: Path) -> None:
    (folder / "my_sma.py").write_text(NEW.replace("def middle", "def sma"))
    importlib.invalidate_caches()
    with pytest.raises(ValueError, match="two providers are named 'sma'"):
        find_providers()


def test_an_unknown_name_lists_what_exists() -> None:
    with pytest.raises(UnknownProvider, match=r"no provider 'rsy'; available: ac, .*, zlema"):
        get_provider("rsy")


def test_every_provider_is_described() -> None:
    for name, each in find_providers().items():
        assert each.name == name and each.title
        assert "\n\n" in each.description, name
        for field in each.params.model_fields.values():
            assert field.description and not field.is_required(), name
        with pytest.raises(WrongUse):
            each.parse_params({"nonsense": 1})


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("sma", {"period": "0"}, r"sma: period must be 1 to 500, not 0"),
        ("sma", {"length": 5}, r"sma: no parameter 'length'; available: period"),
        ("volume", {"period": 5}, r"volume: no parameter 'period'; available: none"),
        ("correlation", {"x": 5}, r"available: with, window"),
        ("macd", {"fast_period": 30}, r"macd: fast_period \(30\) must be below slow_period \(26\)"),
        ("bollinger", {"std": "nan"}, r"bollinger: std: .* finite number"),
        ("rsi", {"period": "14.5"}, r"rsi: period: .* integer"),
        ("vwap", {"anchor": "hour"}, r"vwap: anchor: .*'day'"),
    ],
)
def test_wrong_parameters_are_named(name: str, values: dict[str, object], reason: str) -> None:
    with pytest.raises(WrongUse, match=reason) as caught:
        get_provider(name).parse_params(values)
    assert "\n" not in str(caught.value)


def test_parameters_are_parsed_from_text_and_dumped_by_alias() -> None:
    params = get_provider("correlation").parse_params({"with": "ethusdt", "window": "10"})
    assert params.model_dump(by_alias=True, mode="json") == {"with": "ETHUSDT", "window": 10}


class Nothing(Params):
    size: int = Field(1, description="nothing")


def test_an_unknown_argument_is_refused() -> None:
    def wrong(prices: pd.DataFrame, params: Nothing) -> pd.DataFrame:
        return prices

    with pytest.raises(ValueError, match="prices"):
        provider(title="Wrong", panel=Panel.PRICE, columns={"x": "y"})(wrong)


def test_parameters_without_their_type_are_refused() -> None:
    def wrong(candles: pd.DataFrame, params: dict[str, int]) -> pd.DataFrame:
        return candles

    with pytest.raises(ValueError, match="annotate `params`"):
        provider(title="Wrong", panel=Panel.PRICE, columns={"x": "y"})(wrong)


def test_a_series_without_columns_is_refused() -> None:
    def wrong(candles: pd.DataFrame, params: Nothing) -> pd.DataFrame:
        return candles

    with pytest.raises(ValueError, match="declare columns"):
        provider(title="Wrong", panel=Panel.PRICE)(wrong)


def test_bars_that_are_not_columns_are_refused() -> None:
    def wrong(candles: pd.DataFrame, params: Nothing) -> pd.DataFrame:
        return candles

    with pytest.raises(ValueError, match="bars and band must name columns"):
        provider(title="Wrong", panel=Panel.BELOW, columns={"x": "y"}, bars=("z",))(wrong)


def test_reading_unknown_columns_is_refused() -> None:
    def wrong(candles: pd.DataFrame, params: Nothing) -> pd.DataFrame:
        return candles

    with pytest.raises(ValueError, match="reads must name columns of candles"):
        provider(title="Wrong", panel=Panel.BELOW, columns={"x": "y"}, reads=("price",))(wrong)


def test_a_provider_reads_whole_candles_by_default() -> None:
    assert get_provider("candlestick").reads == CANDLE_COLUMNS
    assert get_provider("rsi").reads == ("close",)
    assert get_provider("order_book").reads == ()


def test_inputs_are_the_arguments_names() -> None:
    assert get_provider("correlation").inputs == (Input.CANDLES, Input.COMPANIONS)
    assert get_provider("order_book").inputs == (Input.BOOK,)


def test_calling_a_provider_calls_its_function() -> None:
    frame = candles(30)
    sma = get_provider("sma")
    pd.testing.assert_frame_equal(sma(frame, sma.parse_params({})), answer(sma, frame))


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == render_provider_docs(), (
        "run: python -m crypto_assets.analytics.provider_docs > docs/providers.md"
    )


def test_the_text_of_a_unit_declares_that_unit() -> None:
    @provider(title="Two", panel=Panel.BELOW, columns={"share": "0 to 100", "mood": "moods"})
    def two(candles: pd.DataFrame, params: Params) -> pd.DataFrame:
        """Two columns."""
        return candles[[]].assign(share=50.0, mood=1.0)

    assert two.columns["share"] is Unit.PERCENT
    assert two.columns["mood"] == "moods"
