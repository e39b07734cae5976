"""The project as `dg` works with it: what lies in `defs/` is loaded, and YAML files are checked."""

import json
import sys
from pathlib import Path

import dagster as dg
import pytest
from pydantic import ValidationError

from crypto_assets.components.exchange_candles import (
    ExchangeCandles,
    ExchangeCandlesAttributes,
    build_market_settings,
)
from crypto_assets.components.scaffolder import ExchangeCandlesParams, ExchangeCandlesScaffolder
from crypto_assets.defs import __path__ as defs_path
from crypto_assets.errors import WrongUse
from crypto_assets.settings import get_settings
from crypto_assets_tests.components.project_copy import COMPONENT, ProjectCopy
from crypto_assets_tests.services.programs import run_program

EXCHANGE = "https://api.binance.us"
# Aliases for the `dagster.yaml` files of earlier versions.
ALIASES = ["crypto_assets.defs.queue", "crypto_assets.defs.storage"]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def project(tmp_path: Path) -> ProjectCopy:
    return ProjectCopy.make(tmp_path / "copy", EXCHANGE)


def test_a_scaffolded_asset_is_listed(project: ProjectCopy) -> None:
    ran = project.dg("scaffold", "defs", "dagster.asset", "assets/spreads.py")
    assert ran.code == 0, ran.out + ran.err
    written = (project.defs / "assets" / "spreads.py").read_text()
    assert "@dg.asset" in written
    listed = project.dg("list", "defs", "--json")
    assert listed.code == 0, listed.err
    assets = {asset["asset_key"] for asset in json.loads(listed.out)["assets"]}
    assert assets >= {"spreads", "raw_klines", "fact_klines", "hourly_klines", "daily_klines"}


def test_every_module_of_the_folder_is_loaded_once() -> None:
    import crypto_assets.definitions

    folder = Path(defs_path[0])
    modules = {
        ".".join(["crypto_assets.defs", *path.relative_to(folder).with_suffix("").parts])
        for path in folder.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert modules >= set(ALIASES)
    assert modules <= set(sys.modules)
    loaded = [
        str(Path(module.__file__))
        for module in list(sys.modules.values())
        if getattr(module, "__file__", None) and Path(str(module.__file__)).is_relative_to(folder)
    ]
    assert len(loaded) == len(set(loaded))
    assert crypto_assets.definitions.defs.component_tree


def test_loading_imports_no_storage_component_or_webserver_library() -> None:
    """Each of these takes a large part of a second, and every run loads the definitions."""
    program = "import sys, crypto_assets.definitions; print(*sys.modules)"
    loaded = run_program([sys.executable, "-c", program]).stdout.split()
    assert "crypto_assets.defs.queue" in loaded
    unused = {"dagster_mysql", "dagster_aws", "dagster_webserver", "dagster_graphql"}
    assert not unused & set(loaded)


def test_the_component_is_listed_and_its_scaffold_is_valid(project: ProjectCopy) -> None:
    listed = project.dg("list", "components", "--json")
    assert COMPONENT in {each["key"] for each in json.loads(listed.out)["items"]}
    yaml = project.scaffold_market("Binance-US", EXCHANGE, symbols="BTCUSDT, ETHUSDT")
    text = yaml.read_text()
    assert "name: binance_us\n" in text
    assert "symbols: [BTCUSDT, ETHUSDT]\n" in text

    # The stores that the comments show, with their variable.
    yaml.write_text(
        text.replace("  # warehouse", "  warehouse")
        .replace("# requi", "requi")
        .replace("#   env", "  env")
    )
    checked = project.dg("check", "yaml", "--validate-requirements")
    assert checked.code == 0, checked.out
    assert "BINANCE_US_WAREHOUSE_URL" in project.dg("list", "envs").out
    unset = project.dg("list", "defs", "--json")
    assert unset.code == 0, unset.err
    assert "the market binance_us: the environment variable BINANCE_US_WAREHOUSE_URL" in unset.err
    names = {asset["asset_key"] for asset in json.loads(unset.out)["assets"]}
    assert names >= {"fact_klines", "binance_us/fact_klines"}, "the other market loads"


def test_wrong_attributes_are_reported_where_they_stand(project: ProjectCopy) -> None:
    yaml = project.scaffold_market("other", EXCHANGE)
    text = yaml.read_text().replace("[1m, 1h, 1d]", "[1m, 5m, 1d]").replace("[BTCUSDT]", "[]")
    yaml.write_text(text.replace(f"exchange: {EXCHANGE}", "exchange: api.binance.us"))
    checked = project.dg("check", "yaml")
    assert checked.code == 1
    for attribute, message in {
        "intervals.1": "'5m' is not one of ['1m', '1h', '1d']",
        "symbols": "[] should be non-empty",
        "exchange": "'api.binance.us' does not match '^https?://",
    }.items():
        assert f"{COMPONENT} attributes.{attribute} {message}" in checked.out
    assert str(yaml) in checked.out


@pytest.mark.parametrize("folder", ["2nd_exchange", "交易所", "x" * 41])
def test_a_folder_that_gives_no_name_is_refused(folder: str, tmp_path: Path) -> None:
    request = dg.ScaffoldRequest(
        type_name=COMPONENT,
        target_path=tmp_path / folder,
        scaffold_format="yaml",
        project_root=None,
        params=ExchangeCandlesParams(),
    )
    with pytest.raises(WrongUse, match="gives no name for a market"):
        ExchangeCandlesScaffolder().scaffold(request)


VALID = {"name": "other", "exchange": EXCHANGE, "archive": EXCHANGE, "symbols": ["BTCUSDT"]}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("name", "Other Market"),
        ("name", ""),
        ("exchange", "ftp://api.binance.us"),
        ("exchange", "https://user:word@api.binance.us"),
        ("archive", "https://"),
        ("symbols", []),
        ("symbols", "BTCUSDT"),
        ("symbols", ["BTCUSDT", "BTC/USDT"]),
        ("intervals", ["1h", "1d"]),
        ("intervals", ["1m", "1m", "1h"]),
        ("intervals", ["1m", "1h", "1w"]),
        ("partition_unit", "week"),
        ("start_date", "yesterday"),
        ("lake_raw", "ftp://host"),
        ("warehouse", "mysql+pymysql://user:word@host/db"),
        ("warehouse", "{{ OTHER }}"),
        ("color", "red"),
    ],
)
def test_the_schema_rejects(attribute: str, value: object) -> None:
    """`dg check yaml` validates by this schema."""
    from jsonschema import Draft202012Validator  # a second, which other tests need not wait for

    schema = Draft202012Validator(ExchangeCandlesAttributes.model_json_schema())
    assert schema.is_valid(VALID)
    assert not schema.is_valid({**VALID, attribute: value})


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("exchange", "http://host:99999", "is not an http or https address"),
        ("symbols", ["BTC/USDT"], "contains no valid symbol"),
        ("start_date", "2025-02-30", "2025-02-30"),
        ("lake_raw", "{{ env.UNSET_VARIABLE }}", "UNSET_VARIABLE is not set"),
        ("start_date", "2999-01-01", "must be between"),
    ],
)
def test_loading_rejects(attribute: str, value: object, message: str) -> None:
    with pytest.raises((ValidationError, WrongUse), match=message):
        build_market_settings(ExchangeCandlesAttributes(**{**VALID, attribute: value}))


def test_an_invalid_symbol_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    symbols = ["BTCUSDT", "BTC/USDT", "https://user:s3cret@host", "btcusdt"]
    attributes = ExchangeCandlesAttributes(**{**VALID, "symbols": symbols})
    assert build_market_settings(attributes).symbols == ("BTCUSDT",)
    built = ExchangeCandles(attributes).build_defs(dg.ComponentTree.for_test().load_context)
    assert "other_symbols" in {sensor.name for sensor in built.sensors or ()}
    logged = [record.getMessage() for record in caplog.records]
    assert len([text for text in logged if "the market other: not tracked: " in text]) == 2
    assert "'BTC/USDT' cannot be a symbol" in logged[0]
    assert "s3cret" not in "".join(logged)


@pytest.mark.parametrize("store", ["warehouse", "lake_raw", "lake_archive"])
def test_a_market_cannot_use_a_store_of_the_home(store: str) -> None:
    home = get_settings()
    own = {
        "warehouse": home.warehouse_url.get_secret_value(),
        "lake_raw": home.lake_raw_url,
        "lake_archive": f"{home.lake_raw_url}/",
    }
    market = ExchangeCandles(ExchangeCandlesAttributes(**{**VALID, store: own[store]}))
    context = dg.ComponentTree.for_test().load_context
    with pytest.raises(WrongUse, match="a market needs its own"):
        market.build_defs(context)


@pytest.mark.parametrize("address", ["mysql+pymysql://user:word@host/db", "{{ OTHER }}"])
def test_an_address_with_a_password_is_refused_without_showing_it(address: str) -> None:
    """Pydantic's error, which Dagster logs and shows, would contain the value."""
    attributes = ExchangeCandlesAttributes(**{**VALID, "warehouse": address})
    context = dg.ComponentTree.for_test().load_context
    with pytest.raises(WrongUse, match="must be in a variable") as caught:
        ExchangeCandles.load(attributes, context)
    assert "user:word" not in str(caught.value)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("exchange", "https://user:s3cret@api.binance.us"),
        ("archive", "https://user:s3cret@us er@host"),
        ("lake_raw", "mysql://user:s3cret@host/x"),
        ("lake_archive", ["https://user:s3cret@host"]),
        ("warehouse", {"url": "mysql://user:s3cret@host/x"}),
        ("symbols", "https://user:s3cret@host"),
        ("symbols", ["https://user:s3cret@host"]),
        ("intervals", ["https://user:s3cret@host"]),
        ("start_date", "https://user:s3cret@host"),
        ("warehouse_url", "mysql://user:s3cret@host/x"),
        ("token", "s3cret"),
    ],
)
def test_the_error_of_an_attribute_has_no_login(attribute: str, value: object) -> None:
    """Dagster shows and stores the error with the invalid value."""
    with pytest.raises(ValidationError) as error:
        ExchangeCandlesAttributes.model_validate({**VALID, attribute: value})
    assert attribute in str(error.value)
    assert "s3cret" not in str(error.value) + repr(error.value.errors())


def test_the_error_of_other_attributes_than_an_object_has_no_login() -> None:
    with pytest.raises(ValidationError) as error:
        ExchangeCandlesAttributes.model_validate("https://user:s3cret@host")
    assert "s3cret" not in str(error.value)
