"""Say in every response how far the replica that it was read from is behind."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crypto_assets.health_monitor import HealthMonitor
from crypto_assets.reports import Reports

REPLICA_LAG_HEADER = "X-Replica-Lag-Ms"
_DATA_PATHS = "/api/"
_FIRST_ERROR = 400  # of the statuses


class ReplicaLag:
    """The last measured lag, in ms; it is measured again while responses are sent."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._lag_ms: int | None = None
        self._monitor = HealthMonitor({"replica": self._measure})

    def get_latest(self) -> int | None:
        """Return the lag of at most some seconds ago, or None if it is not known."""
        failure = self._monitor.list_latest_results().get("replica")
        return None if failure else self._lag_ms

    def close(self) -> None:
        self._monitor.close()

    def _measure(self) -> None:
        self._lag_ms = self._reports.get_replica_lag()


class ReplicaLagMiddleware:
    """Adds the header to the responses with data, if the API reads from another server.

    Not to errors: the lag of some seconds ago would say that a server which is down has all.
    """

    def __init__(self, app: ASGIApp, lag: ReplicaLag) -> None:
        self._app = app
        self._lag = lag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_DATA_PATHS):
            await self._app(scope, receive, send)
            return

        async def send_with_lag(message: Message) -> None:
            has_data = message["type"] == "http.response.start" and message["status"] < _FIRST_ERROR
            lag_ms = self._lag.get_latest() if has_data else None
            if lag_ms is not None:
                MutableHeaders(scope=message)[REPLICA_LAG_HEADER] = str(lag_ms)
            await send(message)

        await self._app(scope, receive, send_with_lag)
