"""Counts what this process uses of the exchange's rate limit, until a run takes the figures."""

from threading import Lock

from crypto_assets.market.exchange_usage import ExchangeUsage


class UsageMeter:
    """Adds usages. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._usage = ExchangeUsage()

    def add_usage(self, usage: ExchangeUsage) -> None:
        """Add what a request has used."""
        with self._lock:
            self._usage += usage

    def take_usage(self) -> ExchangeUsage:
        """Return what was used since this was called the last time."""
        with self._lock:
            taken, self._usage = self._usage, ExchangeUsage()
            return taken


# Of all clients of the process: a process executes one run at a time.
usage_meter = UsageMeter()
