"""The heartbeats of the workers that execute runs on other machines."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select

from crypto_assets.market.utc_time import now_ms
from crypto_assets.warehouse.engine.database import Database
from crypto_assets.warehouse.engine.schema import app_settings
from crypto_assets.warehouse.engine.setting_rows import delete_setting, store_setting

_PREFIX = "state.worker."
_NAME_WIDTH = 100


@dataclass(frozen=True)
class WorkerHeartbeat:
    """The last heartbeat of a worker.

    `queue` names the runs that it takes, of which it executes `processes` at once. Times are in
    epoch ms by the worker's own clock.
    """

    host: str
    queue: str
    processes: int
    version: str
    started_at: int
    beat_at: int

    @property
    def name(self) -> str:
        return f"{self.queue}@{self.host}"


class WorkerHeartbeats:
    """One row per worker, on the primary; a worker that stops deletes its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_heartbeat(self, heartbeat: WorkerHeartbeat) -> None:
        """Store a heartbeat in place of the worker's last one."""
        name = _build_row_name(heartbeat)
        self._database.run_write(lambda c: store_setting(c, name, asdict(heartbeat)))

    def delete_heartbeat(self, heartbeat: WorkerHeartbeat) -> None:
        """Delete the row of a worker that has stopped and left no run."""
        self._database.run_write(lambda c: delete_setting(c, _build_row_name(heartbeat)))

    def list_heartbeats(self) -> Sequence[WorkerHeartbeat]:
        """List the last heartbeat of each worker, by name."""
        statement = (
            select(app_settings.c.value)
            .where(app_settings.c.name.like(f"{_PREFIX}%"))
            .order_by(app_settings.c.name)
        )
        texts = self._database.run_primary_read(lambda c: c.execute(statement).scalars().all())
        return [WorkerHeartbeat(**json.loads(text)) for text in texts]

    def delete_older_than(self, age_ms: int) -> None:
        """Delete the heartbeats of hosts that have been lost for so long."""
        statement = delete(app_settings).where(
            app_settings.c.name.like(f"{_PREFIX}%"), app_settings.c.changed_at < now_ms() - age_ms
        )
        self._database.run_write(lambda c: c.execute(statement))


def _build_row_name(heartbeat: WorkerHeartbeat) -> str:
    return f"{_PREFIX}{heartbeat.name}"[:_NAME_WIDTH]
