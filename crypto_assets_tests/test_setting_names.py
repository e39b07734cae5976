"""Messages about a further market name the attributes of its YAML file, not the environment."""

import sqlite3
from dataclasses import fields
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from crypto_assets.components.exchange_candles import ExchangeCandlesAttributes
from crypto_assets.errors import CryptoAssetsError, ForeignExchange, UnknownSymbol, WrongUse
from crypto_assets.exchange.error_translation import translate_error_response
from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.lake import open_lake
from crypto_assets.setting_names import ATTRIBUTES, DEFAULT_NAMES, SettingNames
from crypto_assets.settings import Settings, get_variable_name, load_market_settings
from crypto_assets.warehouse import Warehouse
from crypto_assets.warehouse.engine.error_translation import translate_error

OTHER = SettingNames.for_market("other")
URL = make_url("mysql+pymysql://user@127.0.0.1/crypto")


def test_the_names_are_those_of_the_settings_and_of_the_component() -> None:
    for field, attribute in ATTRIBUTES.items():
        assert getattr(DEFAULT_NAMES, field) == get_variable_name(field)
        assert attribute in ExchangeCandlesAttributes.model_fields
        assert getattr(OTHER, field) == f"`{attribute}` of the market other"
    assert SettingNames.for_market("") == DEFAULT_NAMES
    texts = [getattr(OTHER, field.name) for field in fields(OTHER)]
    assert not [text for text in texts if "CRYPTO_" in text or "crypto-assets" in text]


def build_response(status: int, body: bytes = b"") -> ExchangeResponse:
    return ExchangeResponse("https://api.example", status, {"Location": "https://x.example"}, body)


@pytest.mark.parametrize("status", [302, 403, 404, 451])
def test_an_error_of_the_exchange_names_the_attributes(status: int) -> None:
    default, other = (
        str(translate_error_response(build_response(status), names))
        for names in (DEFAULT_NAMES, OTHER)
    )
    assert "CRYPTO_EXCHANGE_URL" in default
    assert "`exchange` of the market other" in other
    assert "CRYPTO_" not in other


@pytest.mark.parametrize(
    "cause",
    [
        pymysql.err.OperationalError(1045, "Access denied"),
        pymysql.err.ProgrammingError(1146, "no such table"),
        pymysql.err.OperationalError(1290, "running with the --read-only option"),
        sqlite3.OperationalError("no such table: symbols"),
    ],
)
def test_an_error_of_the_warehouse_names_the_attributes(cause: Exception) -> None:
    error = DBAPIError("SELECT 1", {}, cause)
    default, other = (str(translate_error(error, URL, names)) for names in (DEFAULT_NAMES, OTHER))
    assert "CRYPTO_" in default or "crypto-assets init" in default
    assert "market other" in other or "sensor other_symbols" in other
    assert "CRYPTO_" not in other and "crypto-assets init" not in other


def test_the_stores_of_a_market_name_its_attributes(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.db"
    warehouse = Warehouse(f"sqlite:///{path}", names=OTHER)
    path.touch()
    messages: list[tuple[str, str]] = []

    def record(error: type[CryptoAssetsError], expected: str, call: object) -> None:
        assert callable(call)
        with pytest.raises(error) as caught:
            call()
        messages.append((str(caught.value), expected))

    record(CryptoAssetsError, "turn on the sensor other_symbols", warehouse.require_ready)
    warehouse.migrate_schema()
    settings = warehouse.app_settings
    settings.claim_partition_unit("day")
    record(
        WrongUse,
        "with `partition_unit` of the market other=day",
        lambda: settings.claim_partition_unit("month"),
    )
    record(
        UnknownSymbol,
        "add it to `symbols` of the market other",
        lambda: warehouse.symbols.get_symbol("BTCUSDT"),
    )
    lake = open_lake(str(tmp_path / "lake"), names=OTHER)
    record(CryptoAssetsError, "does not exist: restore it, or create it", lake.check_writable)
    lake.create_storage()
    lake.claim_for_exchange("binance")
    record(
        ForeignExchange,
        "set other stores in the YAML file of the market other",
        lambda: lake.claim_for_exchange("binance.us"),
    )
    record(
        WrongUse,
        "`start_date` of the market other: must be between",
        lambda: load_market_settings("other", start_date="2999-01-01"),
    )
    warehouse.close()
    for message, expected in messages:
        assert expected in message
        assert "CRYPTO_" not in message


def test_a_setting_that_all_markets_share_keeps_its_variable() -> None:
    assert OTHER.get_name("raw_days") == get_variable_name("raw_days")
    assert set(ATTRIBUTES) <= set(Settings.model_fields)
