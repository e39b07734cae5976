"""Symbols come and go by the exchange's word, each with a line in the change log."""

import pytest

from crypto_assets.errors import ExchangeError, UnknownSymbol
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.admin import track_symbols, untrack_symbol
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import StartExchange


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(simulated_exchange(), "BTCUSDT")


def log_of(platform: PipelineContext) -> list[tuple[str, object, object]]:
    return [(c.name, c.old, c.new) for c in platform.warehouse.app_settings.list_changes()]


def test_a_symbol_is_added_retired_and_taken_up_again(platform: PipelineContext) -> None:
    assert track_symbols(platform, [" ethusdt "], who="anna") == ["ETHUSDT"]
    assert track_symbols(platform, ["ETHUSDT"], who="anna") == []
    untrack_symbol(platform, "ETHUSDT", who="bert")
    untrack_symbol(platform, "ETHUSDT", who="bert")
    assert [s.name for s in platform.warehouse.symbols.list_tracked()] == ["BTCUSDT"]
    assert track_symbols(platform, ["ETHUSDT"], who="carl") == ["ETHUSDT"]
    assert log_of(platform) == [
        ("symbol ETHUSDT", "retired", "tracked"),
        ("symbol ETHUSDT", "tracked", "retired"),
        ("symbol ETHUSDT", None, "tracked"),
    ]
    assert [c.who for c in platform.warehouse.app_settings.list_changes()] == [
        "carl",
        "bert",
        "anna",
    ]


def test_what_the_exchange_does_not_list_is_refused_by_name(platform: PipelineContext) -> None:
    with pytest.raises(UnknownSymbol, match="does not list NOPEUSDT"):
        track_symbols(platform, ["ETHUSDT", "NOPEUSDT"], who="anna")
    with pytest.raises(UnknownSymbol, match="NOPEUSDT is not in the warehouse"):
        untrack_symbol(platform, "NOPEUSDT", who="anna")
    assert [s.name for s in platform.warehouse.symbols.list_tracked()] == ["BTCUSDT"]
    assert log_of(platform) == []


def test_without_the_exchange_nothing_is_added(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange()
    platform = build_platform(server, "BTCUSDT")
    server.faults.add_rule({"do": "status", "status": 403})
    with pytest.raises(ExchangeError):
        track_symbols(platform, ["ETHUSDT"], who="anna")
    assert log_of(platform) == []
