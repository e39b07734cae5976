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
from crypto_assets.orchestrator.dynamic_partitions import add_partitions
from crypto_assets.orchestrator.instigators import Instigator, Kind
from crypto_assets.orchestrator.manual_ticks import Launched
from crypto_assets.orchestrator.recent_runs import Run
from crypto_assets.orchestrator.repository import loaded_repository
from crypto_assets.orchestrator.run_classes import Lane, lane_tags
from crypto_assets.orchestrator.webserver_client import Webserver, ms_of

# The name of the partitions that are one a symbol.
SYMBOLS = "symbols"
# A run that a person asked for: not a tick, and no backfill either.
_BY_HAND = lane_tags(Lane.BY_HAND)

_HEALTH = """
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
        self._webserver = Webserver(url, timeout_seconds)
        self.url = self._webserver.url

    def within(self, timeout_seconds: tuple[float, float]) -> "Orchestrator":
        """The same one, asked with another patience."""
        return Orchestrator(self._address, timeout_seconds)

    def serves(self, home: Path) -> bool:
        """Whether a webserver answers here, and works on this Dagster home."""
        try:
            info = self._webserver.ask(_HEALTH)["instance"]["info"]
        except OrchestratorError:
            return False
        storage = (yaml.safe_load(info or "") or {}).get("local_artifact_storage", {})
        base = storage.get("config", {}).get("base_dir", "")
        return bool(base) and Path(base).resolve() == home.resolve()

    def sick_daemons(self, since_ms: int = 0) -> list[str]:
        """Names of the daemons that should run and do not, or gave no sign of life since then."""
        health = self._webserver.ask(_HEALTH)["instance"]["daemonHealth"]
        return [
            status["daemonType"]
            for status in health["allDaemonStatuses"]
            if status["required"]
            and not (status["healthy"] and ms_of(status["lastHeartbeatTime"]) >= since_ms)
        ]

    def require_daemons(self) -> None:
        """Raises OrchestratorError where what is queued would stay so."""
        if sick := self.sick_daemons():
            raise OrchestratorError(
                f"Dagster's daemon does not run ({', '.join(sick)}): start it with "
                "`crypto-assets up`"
            )

    def launch_backfill(
        self, assets: Sequence[str], keys: Sequence[str], tags: Mapping[str, str], title: str
    ) -> str:
        """Ask Dagster to materialise `keys` of `assets`; answers the backfill's id."""
        return backfills.launch(self._webserver, assets, keys, tags, title)

    def backfill(self, backfill_id: str) -> BackfillProgress:
        return backfills.read(self._webserver, backfill_id)

    def recent_backfills(self, limit: int = 10) -> list[BackfillProgress]:
        """Newest first."""
        return backfills.read_recent(self._webserver, limit)

    def cancel_backfill(self, backfill_id: str) -> None:
        """One that has ended stays as it is."""
        backfills.cancel(self._webserver, backfill_id)

    def add_symbols(self, symbols: Iterable[str]) -> None:
        """Makes symbols partitions; those that are stay where they stand in Dagster's order."""
        repository = loaded_repository(self._webserver)
        add_partitions(self._webserver, repository, SYMBOLS, symbols)

    def instigators(self, kind: Kind) -> list[Instigator]:
        """All schedules, or all sensors, by name."""
        return instigators.read_all(self._webserver, kind)

    def instigator(self, kind: Kind, name: str) -> Instigator:
        """One of them. Raises UnknownTarget, listing those that exist."""
        return instigators.read(self._webserver, kind, name)

    def switch(self, kind: Kind, name: str, running: bool) -> Instigator:
        """Starts or stops a schedule or sensor; answers how it then stands."""
        found = instigators.read(self._webserver, kind, name)
        instigators.switch(self._webserver, found, running)
        return instigators.read(self._webserver, kind, name)

    def run_now(self, kind: Kind, name: str) -> Launched:
        """What its next tick would do, done now, as the daemon does it."""
        found = instigators.read(self._webserver, kind, name)
        return manual_ticks.run_now(self._webserver, found)

    def maintenance_tasks(self) -> list[str]:
        """Names for `run_maintenance`: the assets of Dagster's group `maintenance`."""
        return maintenance.tasks(self._webserver)

    def run_maintenance(self, task: str) -> str:
        """Launches a task; answers the run's id."""
        return maintenance.run(self._webserver, task, _BY_HAND)

    def last_runs(self, limit: int = 50) -> list[Run]:
        """Newest first, whatever they were for."""
        return recent_runs.read_last(self._webserver, limit)

    def checks(self, limit: int = 20) -> list[AssetCheck]:
        """Every asset check with its last verdicts."""
        return asset_checks.read_all(self._webserver, limit)

    def count_runs(self, since_ms: int) -> dict[str, int]:
        """How many runs created since then (epoch ms) stand at each status."""
        return runs.count(self._webserver, since_ms)
