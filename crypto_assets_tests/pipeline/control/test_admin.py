"""Symbols are tracked and untracked, and each change is in the audit log."""

import pytest

from crypto_assets.errors import ExchangeError, UnknownSymbol
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.admin import track_symbols, untrack_symbol
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import StartExchange


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(simulated_exchange(), "BTCUSDT")


def list_changes_of(platform: PipelineContext) -> list[tuple[str, object, object]]:
    return [(c.name, c.old, c.new) for c in platform.warehouse.app_settings.list_changes()]


def test_a_symbol_is_tracked_untracked_and_tracked_again(platform: PipelineContext) -> None:
    assert track_symbols(platform, [" ethusdt "], who="anna") == ["ETHUSDT"]
    assert track_symbols(platform, ["ETHUSDT"], who="anna") == []
    untrack_symbol(platform, "ETHUSDT", who="bert")
    untrack_symbol(platform, "ETHUSDT", who="bert")
    assert [s.name for s in platform.warehouse.symbols.list_tracked()] == ["BTCUSDT"]
    assert track_symbols(platform, ["ETHUSDT"], who="carl") == ["ETHUSDT"]
    assert list_changes_of(platform) == [
        ("symbol ETHUSDT", "untracked", "tracked"),
        ("symbol ETHUSDT", "tracked", "untracked"),
        ("symbol ETHUSDT", None, "tracked"),
    ]
    assert [c.who for c in platform.warehouse.app_settings.list_changes()] == [
        "carl",
        "bert",
        "anna",
    ]


def test_a_symbol_that_the_exchange_does_not_list_is_refused_by_name(
    platform: PipelineContext,
) -> None:
    with pytest.raises(UnknownSymbol, match="does not list NOPEUSDT"):
        track_symbols(platform, ["ETHUSDT", "NOPEUSDT"], who="anna")
    with pytest.raises(UnknownSymbol, match="NOPEUSDT is not in the warehouse"):
        untrack_symbol(platform, "NOPEUSDT", who="anna")
    assert [s.name for s in platform.warehouse.symbols.list_tracked()] == ["BTCUSDT"]
    assert list_changes_of(platform) == []


def test_no_symbol_is_tracked_while_the_exchange_fails(
    simulated_exchange: StartExchange, build_platform: BuildPlatform
) -> None:
    server = simulated_exchange()
    platform = build_platform(server, "BTCUSDT")
    server.faults.add_rule({"do": "status", "status": 403})
    with pytest.raises(ExchangeError):
        track_symbols(platform, ["ETHUSDT"], who="anna")
    assert list_changes_of(platform) == []
