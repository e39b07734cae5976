"""The contexts that a process shares: one for each market, closed when it is replaced."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from crypto_assets import wiring
from crypto_assets.errors import WrongUse
from crypto_assets.settings import Settings
from crypto_assets.wiring import close_shared_contexts, open_market_context, open_pipeline_context
from crypto_assets_tests.services.mariadb import DatabaseServer

_OPEN_AND_END = """
from crypto_assets.wiring import open_market_context, open_shared_context
from crypto_assets.settings import get_settings
for context in (open_shared_context(), open_market_context("other", get_settings())):
    context.warehouse.migrate_schema()
    context.warehouse.symbols.list_all()
"""


@pytest.fixture(autouse=True)
def _no_markets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_market_contexts", {})


def test_a_market_has_one_context_until_its_settings_change(tmp_path: Path) -> None:
    first, second = (Settings(home=tmp_path / name) for name in ("first", "second"))
    context = open_market_context("other", first)
    assert open_market_context("other", first.model_copy()) is context
    assert open_market_context("third", first) is not context
    context.warehouse.migrate_schema()
    engine = context.warehouse._database.engine
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    replaced = open_market_context("other", second)
    assert replaced is not context
    assert "engine" not in vars(context.warehouse._database), "closed"

    replaced.warehouse.migrate_schema()
    close_shared_contexts()
    assert "engine" not in vars(replaced.warehouse._database)
    assert replaced.warehouse.symbols.list_all() == [], "opened again on the next use"
    replaced.close()


def test_a_process_leaves_no_aborted_connection(tmp_path: Path, mariadb: DatabaseServer) -> None:
    with mariadb.connect() as admin, admin.cursor() as cursor:

        def count_aborted() -> int:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")
            return int(cursor.fetchone()[1])  # type: ignore[index]

        url = mariadb.fresh()
        before = count_aborted()
        subprocess.run(
            [sys.executable, "-c", _OPEN_AND_END],
            env={"CRYPTO_HOME": str(tmp_path), "CRYPTO_WAREHOUSE_URL": url, "PATH": ""},
            check=True,
        )
        assert count_aborted() == before


@pytest.mark.parametrize(
    ("market", "message"),
    [
        ("", "CRYPTO_LAKE_RAW_URL and CRYPTO_LAKE_ARCHIVE_URL both end in raw"),
        ("other", "`lake_raw` of the market other and `lake_archive` of the market other both end"),
    ],
)
def test_the_message_names_the_settings_of_the_market(
    tmp_path: Path, market: str, message: str
) -> None:
    lakes = {f"lake_{name}_url": str(tmp_path / name / "raw") for name in ("raw", "archive")}
    settings = Settings(home=tmp_path, warehouse_url=SecretStr(""), **lakes)
    with pytest.raises(WrongUse, match=message):
        open_pipeline_context(settings, market=market)
