"""Dagster from outside: what people and other programs may ask of it, in one place."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from crypto_assets.errors import OrchestratorError
from crypto_assets.orchestrator import (
    asset_checks,
    backfills,
    instigators,
    maintenance,
    manual_ticks,
    recent_runs,
    runs,
)
from crypto_assets.orchestrator.asset_checks import AssetCheck
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.dynamic_partitions import add_partition_keys
from crypto_assets.orchestrator.instigators import Instigator, Kind
from crypto_assets.orchestrator.manual_ticks import ManualTickResult
from crypto_assets.orchestrator.recent_runs import RunSummary
from crypto_assets.orchestrator.repository import find_loaded_repository
from crypto_assets.orchestrator.run_classes import RunClass, build_run_tags
from crypto_assets.orchestrator.webserver_client import WebserverClient, epoch_seconds_to_ms

# The name of the partitions that are one a symbol.
SYMBOL_PARTITIONS_NAME = "symbols"
# A run that a person asked for: not a tick, and no backfill either.
_MANUAL_RUN_TAGS = build_run_tags(RunClass.MANUAL)

_HEALTH_QUERY = """
query {
  instance {
    info
    daemonHealth { allDaemonStatuses { daemonType required healthy lastHeartbeatTime } }
  }
}
"""


class Orchestrator:
    """A client of one webserver; needs no Dagster in this process.

    Errors are OrchestratorError, naming its `url`, which has no login; what takes a name or an id
    raises UnknownTarget where Dagster has none such. `timeout_seconds` are for connecting and
    answering.
    """

    def __init__(self, url: str, timeout_seconds: tuple[float, float] = (2.0, 30.0)) -> None:
        self._address = url
        self._webserver = WebserverClient(url, timeout_seconds)
        self.url = self._webserver.url

    def with_timeout(self, timeout_seconds: tuple[float, float]) -> "Orchestrator":
        """The same one, asked with another patience."""
        return Orchestrator(self._address, timeout_seconds)

    def serves_home(self, home: Path) -> bool:
        """Whether a webserver answers here, and works on this Dagster home."""
        try:
            info = self._webserver.run_query(_HEALTH_QUERY)["instance"]["info"]
        except OrchestratorError:
            return False
        storage = (yaml.safe_load(info or "") or {}).get("local_artifact_storage", {})
        base = storage.get("config", {}).get("base_dir", "")
        return bool(base) and Path(base).resolve() == home.resolve()

    def list_unhealthy_daemons(self, since_ms: int = 0) -> list[str]:
        """Names of the daemons that should run and do not, or gave no sign of life since then."""
        health = self._webserver.run_query(_HEALTH_QUERY)["instance"]["daemonHealth"]
        return [
            status["daemonType"]
            for status in health["allDaemonStatuses"]
            if status["required"]
            and not (
                status["healthy"] and epoch_seconds_to_ms(status["lastHeartbeatTime"]) >= since_ms
            )
        ]

    def require_healthy_daemons(self) -> None:
        """Raises OrchestratorError where what is queued would stay so."""
        if sick := self.list_unhealthy_daemons():
            raise OrchestratorError(
                f"Dagster's daemon does not run ({', '.join(sick)}): start it with "
                "`crypto-assets up`"
            )

    def launch_backfill(
        self, assets: Sequence[str], keys: Sequence[str], tags: Mapping[str, str], title: str
    ) -> str:
        """Ask Dagster to materialise `keys` of `assets`; answers the backfill's id."""
        return backfills.submit_backfill(self._webserver, assets, keys, tags, title)

    def get_backfill(self, backfill_id: str) -> BackfillProgress:
        return backfills.fetch_backfill(self._webserver, backfill_id)

    def list_recent_backfills(self, limit: int = 10) -> list[BackfillProgress]:
        """Newest first."""
        return backfills.fetch_recent_backfills(self._webserver, limit)

    def cancel_backfill(self, backfill_id: str) -> None:
        """One that has ended stays as it is."""
        backfills.request_backfill_cancel(self._webserver, backfill_id)

    def add_symbol_partitions(self, symbols: Iterable[str]) -> None:
        """Makes symbols partitions; those that are stay where they stand in Dagster's order."""
        repository = find_loaded_repository(self._webserver)
        add_partition_keys(self._webserver, repository, SYMBOL_PARTITIONS_NAME, symbols)

    def list_instigators(self, kind: Kind) -> list[Instigator]:
        """All schedules, or all sensors, by name."""
        return instigators.fetch_instigators(self._webserver, kind)

    def get_instigator(self, kind: Kind, name: str) -> Instigator:
        """One of them. Raises UnknownTarget, listing those that exist."""
        return instigators.fetch_instigator(self._webserver, kind, name)

    def switch_instigator(self, kind: Kind, name: str, running: bool) -> Instigator:
        """Starts or stops a schedule or sensor; answers how it then stands."""
        found = instigators.fetch_instigator(self._webserver, kind, name)
        instigators.start_or_stop_instigator(self._webserver, found, running)
        return instigators.fetch_instigator(self._webserver, kind, name)

    def run_instigator_now(self, kind: Kind, name: str) -> ManualTickResult:
        """What its next tick would do, done now, as the daemon does it."""
        found = instigators.fetch_instigator(self._webserver, kind, name)
        return manual_ticks.run_tick_now(self._webserver, found)

    def list_maintenance_tasks(self) -> list[str]:
        """Names for `run_maintenance`: the assets of Dagster's group `maintenance`."""
        return maintenance.fetch_maintenance_tasks(self._webserver)

    def run_maintenance(self, task: str) -> str:
        """Launches a task; answers the run's id."""
        return maintenance.launch_maintenance_task(self._webserver, task, _MANUAL_RUN_TAGS)

    def list_recent_runs(self, limit: int = 50) -> list[RunSummary]:
        """Newest first, whatever they were for."""
        return recent_runs.fetch_recent_runs(self._webserver, limit)

    def list_asset_checks(self, limit: int = 20) -> list[AssetCheck]:
        """Every asset check with its last verdicts."""
        return asset_checks.fetch_asset_checks(self._webserver, limit)

    def count_runs(self, since_ms: int) -> dict[str, int]:
        """How many runs created since then (epoch ms) stand at each status."""
        return runs.count_runs_by_status(self._webserver, since_ms)
