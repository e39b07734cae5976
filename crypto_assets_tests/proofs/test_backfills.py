"""Schedules, sensors and backfills through the GraphQL API of Dagster's webserver."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from crypto_assets.market.utc_time import MINUTE_MS
from crypto_assets.orchestrator import Kind
from crypto_assets.orchestrator.run_queue import (
    AUTOMATIC_BACKFILL_TAGS,
    BACKFILL_TAGS,
    BACKFILLED_SYMBOL_TAG,
)
from crypto_assets.pipeline.stages.results import KlinesStage
from crypto_assets_tests.proofs.served import Served, serve
from crypto_assets_tests.services.dagster_tree import wait_for
from crypto_assets_tests.services.exchange import NOON

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
# Sixty days up to yesterday by the exchange's clock.
FIRST, LAST, TODAY = date(2025, 1, 5), date(2025, 3, 5), date(2025, 3, 6)
DAYS = [FIRST + timedelta(days=number) for number in range(60)]
KEYS = len(SYMBOLS) * len(DAYS) * len(KlinesStage)
# A busy machine takes minutes where a quiet one takes seconds.
pytestmark = pytest.mark.timeout(1800)

_RETRY = """
mutation ($id: String!) {
  answer: reexecutePartitionBackfill(
    reexecutionParams: { parentRunId: $id, strategy: FROM_FAILURE }
  ) { __typename ... on LaunchBackfillSuccess { backfillId } ... on Error { message } }
}
"""

_CHECKS = """
{
  asset: assetNodeOrError(assetKey: { path: ["fact_klines"] }) {
    ... on AssetNode {
      assetChecksOrError {
        ... on AssetChecks {
          checks { statuses: partitionStatuses {
            ... on AssetCheckMultiPartitionStatuses { ranges { primaryDimStartKey } }
          } }
        }
      }
    }
  }
}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with serve(folder, NOON, SYMBOLS=",".join(SYMBOLS), START_DATE=str(FIRST)) as served:
        served.tree.start_webserver()
        yield served


def test_every_schedule_and_sensor_is_stopped_and_started(served: Served) -> None:
    orchestrator = served.tree.orchestrator
    found = [(kind, each) for kind in Kind for each in orchestrator.list_instigators(kind)]
    assert {"ingest_schedule", "close_day_schedule", "symbols"} <= {each.name for _, each in found}
    for kind, each in found:
        assert each.running
        assert not orchestrator.switch_instigator(kind, each.name, running=False).running
        assert orchestrator.switch_instigator(kind, each.name, running=True).running
        assert not orchestrator.switch_instigator(kind, each.name, running=False).running


def test_a_tick_overtakes_a_backfill_whose_failed_part_is_retried(
    served: Served,
) -> None:
    served.tree.start_daemon()
    _refuse(served, "ETHUSDT", (DAYS[3], DAYS[4], DAYS[40]))
    # The archive is so slow that no backfill ends before the exchange's clock advances.
    faults, clock = served.exchange.faults, served.exchange.clock
    faults.add_rule({"do": "stall", "seconds": 15, "path": "*.zip", "until": NOON + MINUTE_MS})
    sixty_days = served.launch([f"{day}|{name}" for day in DAYS for name in SYMBOLS])
    another = served.launch([f"{LAST}|BTCUSDT", f"{TODAY}|BTCUSDT"])
    wait_for(lambda: len(_of_backfills(served)) >= 2 and _of_backfills(served, "STARTED"))

    (tick,) = served.tree.orchestrator.run_instigator_now(Kind.SCHEDULE, "ingest_schedule").run_ids
    assert wait_for(lambda: _ended_run(served, tick)) == "SUCCESS"
    assert [served.minutes(name, TODAY, TODAY) for name in SYMBOLS] == [720, 720, 720]
    assert len(_of_backfills(served, "STARTING", "STARTED")) <= 1
    assert not served.tree.orchestrator.get_backfill(sixty_days).ended, (
        "the tick overtook the backfill"
    )

    clock.advance(MINUTE_MS)
    ended = served.ended(sixty_days)
    assert ended.targeted == KEYS
    # The rejected days in each of the four assets; the others of the run are materialized.
    assert (ended.materialized, ended.failed) == (KEYS - 12, 12)
    assert not ended.succeeded
    assert ended.error and f"{DAYS[3]}|ETHUSDT" in ended.error, "the reason"
    assert served.ended(another).succeeded
    assert all(run["tags"].items() >= BACKFILL_TAGS.items() for run in _of_backfills(served))
    checks = served.tree.webserver.run_query(_CHECKS)["asset"]["assetChecksOrError"]["checks"]
    no_results: dict[str, Any] = {"statuses": {"ranges": []}}
    assert checks == [no_results] * 3, "no failed checks of days without an evaluation"

    faults.clear_rules()
    answer = served.tree.webserver.run_query(_RETRY, id=sixty_days)["answer"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    again = served.ended(answer["backfillId"])
    assert (again.targeted, again.materialized, again.failed) == (12, 12, 0)
    assert again.succeeded
    for symbol in SYMBOLS:
        assert served.minutes(symbol, FIRST, LAST) == len(DAYS) * 1440
    served.verify(FIRST, LAST)


def test_a_symbol_added_while_running_is_backfilled(served: Served) -> None:
    orchestrator = served.tree.orchestrator
    orchestrator.switch_instigator(Kind.SENSOR, "symbols", running=True)
    wait_for(lambda: orchestrator.get_instigator(Kind.SENSOR, "symbols").cursor)
    ran = served.tree.desk.run("init", CRYPTO_SYMBOLS=",".join((*SYMBOLS, "XRPUSDT")))
    assert ran.code == 0, ran.err

    def launched() -> list[dict[str, Any]]:
        runs = served.tree.runs()
        return [run for run in runs if run["tags"].get(BACKFILLED_SYMBOL_TAG) == "XRPUSDT"]

    (run,) = wait_for(launched)
    assert run["tags"].items() >= AUTOMATIC_BACKFILL_TAGS.items()
    assert wait_for(lambda: _ended_run(served, run["runId"])) == "SUCCESS"
    assert served.minutes("XRPUSDT", FIRST, LAST) == len(DAYS) * 1440


def test_the_error_of_a_backfill_of_an_unmigrated_warehouse_contains_the_command(
    served: Served,
) -> None:
    """The last test of the module, since it changes the warehouse."""
    home = served.tree.desk.home
    for path in home.glob("warehouse.db*"):
        path.rename(path.with_name(f"old-{path.name}"))
    (home / "warehouse.db").touch()
    ended = served.ended(served.launch([f"{LAST}|BTCUSDT"]))
    assert not ended.succeeded
    assert ended.error and "crypto-assets init" in ended.error
    day = ("--from", str(LAST), "--to", str(LAST))
    ran = served.tree.desk.run("backfill", "--symbols", "BTCUSDT", *day)
    assert ran.code == 1
    assert "crypto-assets init" in ran.complaint


def _refuse(served: Served, symbol: str, days: tuple[date, ...]) -> None:
    """Make archive and REST fail for these days."""
    refused = {"symbol": symbol, "day": [str(day) for day in days]}
    served.exchange.faults.add_rule({"do": "archive", "how": "missing", **refused})
    served.exchange.faults.add_rule({"do": "status", "status": 451, **refused})


def _of_backfills(served: Served, *statuses: str) -> list[dict[str, Any]]:
    return [
        run
        for run in served.tree.runs()
        if "dagster/backfill" in run["tags"] and (not statuses or run["status"] in statuses)
    ]


def _ended_run(served: Served, run_id: str) -> str | None:
    (status,) = [run["status"] for run in served.tree.runs() if run["runId"] == run_id]
    return status if status in {"SUCCESS", "FAILURE", "CANCELED"} else None
