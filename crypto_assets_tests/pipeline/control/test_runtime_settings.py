"""Runtime settings take effect at once, within their bounds, and are in the audit log."""

from typing import Any

import pytest

from crypto_assets.errors import WrongUse
from crypto_assets.pipeline.context import PipelineContext
from crypto_assets.pipeline.control.runtime_settings import (
    RETENTION_SETTINGS,
    RUNTIME_SETTINGS,
    EffectiveSetting,
    override_settings,
    read_effective_settings,
    reset_setting,
)
from crypto_assets.pipeline.retention.apply_retention import read_retention_policy
from crypto_assets.settings import load_settings
from crypto_assets.warehouse import INGEST_INTERVAL
from crypto_assets_tests.pipeline.conftest import BuildPlatform
from crypto_assets_tests.services.exchange import StartExchange


@pytest.fixture
def platform(simulated_exchange: StartExchange, build_platform: BuildPlatform) -> PipelineContext:
    return build_platform(simulated_exchange(), "BTCUSDT")


def test_a_setting_is_in_force_until_it_is_reset(platform: PipelineContext) -> None:
    assert read_effective_settings(platform)["minute_days"] == EffectiveSetting(
        90, 90, is_overridden=False
    )
    override_settings(platform, {"minute_days": 400, INGEST_INTERVAL: 7}, who="anna")
    assert read_effective_settings(platform)["minute_days"] == EffectiveSetting(
        400, 90, is_overridden=True
    )
    assert read_retention_policy(platform).minute_days == 400
    assert platform.read_ingest_interval() == 7
    reset_setting(platform, "minute_days", who="bert")
    assert read_retention_policy(platform).minute_days == 90
    log = [(c.who, c.name, c.old, c.new) for c in platform.warehouse.app_settings.list_changes(2)]
    assert log == [
        ("bert", "minute_days", 400, None),
        ("anna", INGEST_INTERVAL, None, 7),
    ]


def test_a_limit_can_be_removed(platform: PipelineContext) -> None:
    override_settings(platform, {"lake_max_gb": 20}, who="anna")
    override_settings(platform, {"lake_max_gb": None}, who="anna")
    assert read_effective_settings(platform)["lake_max_gb"] == EffectiveSetting(
        None, None, is_overridden=True
    )
    assert read_retention_policy(platform).lake_max_gb is None


def test_the_limit_of_the_lake_may_have_a_fraction(platform: PipelineContext) -> None:
    override_settings(platform, {"lake_max_gb": 0.5}, who="anna")
    assert read_retention_policy(platform).lake_max_gb == 0.5


@pytest.mark.parametrize("name", RETENTION_SETTINGS)
def test_the_settings_of_the_environment_have_the_same_bounds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = RETENTION_SETTINGS[name]
    for value in (setting.minimum, setting.maximum):
        monkeypatch.setenv(f"CRYPTO_{name.upper()}", f"{value}")
        assert getattr(load_settings(), name) == value
    for value in (setting.minimum - 1, setting.maximum + 1):
        monkeypatch.setenv(f"CRYPTO_{name.upper()}", f"{value}")
        with pytest.raises(WrongUse, match=name.upper()):
            load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (INGEST_INTERVAL, 0),
        (INGEST_INTERVAL, 1441),
        ("raw_days", 0),
        ("raw_days", None),
        ("minute_days", -1),
        ("minute_days", 2.5),
        ("minute_days", True),
        ("raw_days", 36_501),
        ("lake_max_gb", 0),
        ("lake_max_gb", float("nan")),
        ("lake_max_gb", True),
        ("claimed.exchange", 1),
    ],
)
def test_a_wrong_value_is_refused_and_nothing_changes(
    platform: PipelineContext, name: str, value: Any
) -> None:
    with pytest.raises(WrongUse, match=name):
        override_settings(platform, {"archive_days": 31, name: value}, who="anna")
    assert not read_effective_settings(platform)["archive_days"].is_overridden


def test_every_setting_has_a_default_of_the_environment(platform: PipelineContext) -> None:
    assert read_effective_settings(platform).keys() == RUNTIME_SETTINGS.keys()
