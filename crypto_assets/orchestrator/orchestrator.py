"""The client of Dagster's webserver that the app, the API and the commands use."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

import yaml
from pydantic import SecretStr

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
from crypto_assets.orchestrator.automatic_backfills import (
    AutomaticBackfill,
    fetch_automatic_backfills,
)
from crypto_assets.orchestrator.backfills import BackfillProgress
from crypto_assets.orchestrator.dynamic_partitions import add_partition_keys
from crypto_assets.orchestrator.instigators import Instigator, Kind
from crypto_assets.orchestrator.manual_ticks import ManualTickResult
from crypto_assets.orchestrator.partition_keys import SYMBOL_PARTITIONS_NAME
from crypto_assets.orchestrator.queued_runs import QueueLength, fetch_queue_lengths
from crypto_assets.orchestrator.recent_runs import RunSummary
from crypto_assets.orchestrator.repository import find_loaded_repository
from crypto_assets.orchestrator.run_queue import RunClass, build_run_tags
from crypto_assets.orchestrator.webserver_client import (
    WEBSERVER_TIMEOUT_SECONDS,
    WebserverClient,
    epoch_seconds_to_ms,
)
from crypto_assets.settings import PartitionUnit

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
    """A client of one webserver; does not import Dagster.

    Every method raises OrchestratorError, whose message contains `url` without its login. Methods
    that take a name or an id raise UnknownTarget if it does not exist. `timeout_seconds` are the
    connect and the read timeout, `token` is the operator's.
    """

    def __init__(
        self,
        url: str,
        timeout_seconds: tuple[float, float] = WEBSERVER_TIMEOUT_SECONDS,
        token: SecretStr | None = None,
    ) -> None:
        self._address, self._token = url, token
        self._webserver = WebserverClient(url, timeout_seconds, token)
        self.url = self._webserver.url

    def with_timeout(self, timeout_seconds: tuple[float, float]) -> Self:
        """Return a client of the same webserver with other timeouts."""
        return type(self)(self._address, timeout_seconds, self._token)

    def serves_home(self, home: Path) -> bool:
        """Whether a webserver responds and uses this Dagster home."""
        try:
            info = self._webserver.run_query(_HEALTH_QUERY)["instance"]["info"]
        except OrchestratorError:
            return False
        storage = (yaml.safe_load(info or "") or {}).get("local_artifact_storage", {})
        base = storage.get("config", {}).get("base_dir", "")
        return bool(base) and Path(base).resolve() == home.resolve()

    def list_unhealthy_daemons(self, since_ms: int = 0) -> list[str]:
        """List required daemons that are unhealthy or have sent no heartbeat since `since_ms`."""
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
        """Raise OrchestratorError if a required daemon is down: queued runs would not start."""
        if unhealthy := self.list_unhealthy_daemons():
            raise OrchestratorError(
                f"Dagster's daemon is not running ({', '.join(unhealthy)}): start it with "
                "`crypto-assets up`"
            )

    def launch_backfill(
        self, assets: Sequence[str], keys: Sequence[str], tags: Mapping[str, str], title: str
    ) -> str:
        """Launch a backfill of the partitions `keys` of `assets`, and return its id."""
        return backfills.submit_backfill(self._webserver, assets, keys, tags, title)

    def get_backfill(self, backfill_id: str) -> BackfillProgress:
        """Return a backfill's progress."""
        return backfills.fetch_backfill(self._webserver, backfill_id)

    def list_recent_backfills(self, limit: int = 10) -> list[BackfillProgress]:
        """List the most recent backfills, newest first."""
        return backfills.fetch_recent_backfills(self._webserver, limit)

    def list_automatic_backfills(self, unit: PartitionUnit) -> list[AutomaticBackfill]:
        """List the recent backfills that sensors have launched, newest first.

        `unit` is that of the partitions.
        """
        return fetch_automatic_backfills(self._webserver, unit)

    def cancel_backfill(self, backfill_id: str) -> None:
        """Cancel a backfill unless it has ended."""
        backfills.request_backfill_cancel(self._webserver, backfill_id)

    def add_symbol_partitions(self, symbols: Iterable[str]) -> None:
        """Add symbols as partition keys; existing keys stay and keep their order."""
        repository = find_loaded_repository(self._webserver)
        add_partition_keys(self._webserver, repository, SYMBOL_PARTITIONS_NAME, symbols)

    def list_instigators(self, kind: Kind) -> list[Instigator]:
        """List all schedules or all sensors, sorted by name."""
        return instigators.fetch_instigators(self._webserver, kind)

    def get_instigator(self, kind: Kind, name: str) -> Instigator:
        """Return a schedule or sensor. Raises UnknownTarget, which lists the valid names."""
        return instigators.fetch_instigator(self._webserver, kind, name)

    def switch_instigator(self, kind: Kind, name: str, running: bool) -> Instigator:
        """Start or stop a schedule or sensor, and return it with its new status."""
        instigator = instigators.fetch_instigator(self._webserver, kind, name)
        instigators.start_or_stop_instigator(self._webserver, instigator, running)
        return instigators.fetch_instigator(self._webserver, kind, name)

    def run_instigator_now(self, kind: Kind, name: str) -> ManualTickResult:
        """Evaluate a schedule or sensor now and launch its runs, as the daemon does."""
        instigator = instigators.fetch_instigator(self._webserver, kind, name)
        return manual_ticks.run_tick_now(self._webserver, instigator)

    def run_maintenance(self, task: str) -> str:
        """Launch a run of one asset of the group `maintenance`, and return the run's id."""
        return maintenance.launch_maintenance_task(self._webserver, task, _MANUAL_RUN_TAGS)

    def list_recent_runs(
        self, limit: int = 50, statuses: Sequence[str] = (), job: str | None = None
    ) -> list[RunSummary]:
        """List the most recent runs, newest first, of some statuses or one job if given."""
        return recent_runs.fetch_recent_runs(self._webserver, limit, statuses, job)

    def list_job_names(self) -> list[str]:
        """List the jobs of the code location, sorted, without Dagster's implicit ones."""
        return recent_runs.fetch_job_names(self._webserver)

    def list_asset_checks(self, limit: int = 20) -> list[AssetCheck]:
        """List every asset check with its latest evaluations."""
        return asset_checks.fetch_asset_checks(self._webserver, limit)

    def get_queue_lengths(self) -> dict[str, QueueLength]:
        """Return how many runs wait, and since when, by run class."""
        return fetch_queue_lengths(self._webserver)

    def list_check_states(self) -> dict[tuple[str, str], bool]:
        """Return whether each check passed on its asset's last materialization, by asset and name.

        A check that has not been executed there is left out.
        """
        return asset_checks.fetch_check_states(self._webserver)

    def count_runs(self, since_ms: int) -> dict[str, int]:
        """Count the runs created since `since_ms` (epoch ms) by status."""
        return runs.count_runs_by_status(self._webserver, since_ms)
