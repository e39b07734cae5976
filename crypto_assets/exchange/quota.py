"""The request quota of this process: a weight budget, and no requests during a ban."""

import threading
from weakref import WeakValueDictionary

from crypto_assets.errors import ExchangeBanned
from crypto_assets.exchange.weight_budget import WeightBudget
from crypto_assets.market.utc_time import now_ms, to_epoch_ms
from crypto_assets.steady_clock import read_steady_clock


class ExchangeQuota:
    """The quota that all clients of one exchange share in a process. Safe for many threads."""

    def __init__(self) -> None:
        self.weight_budget = WeightBudget()
        self._banned_until = 0.0
        self._ban: ExchangeBanned | None = None

    def raise_if_banned(self) -> None:
        """Raise ExchangeBanned during a ban: each request sent then prolongs the ban."""
        ban = self._ban
        if ban and read_steady_clock() < self._banned_until:
            raise ExchangeBanned(str(ban), ban.until)

    def record_ban(self, ban: ExchangeBanned) -> None:
        """Block requests until the ban ends."""
        self._banned_until = read_steady_clock() + (to_epoch_ms(ban.until) - now_ms()) / 1000
        self._ban = ban


_shared_quotas: WeakValueDictionary[str, ExchangeQuota] = WeakValueDictionary()
_lock = threading.Lock()


def get_shared_quota(base_url: str) -> ExchangeQuota:
    """Return the process's quota at an exchange. It exists as long as a client uses it."""
    with _lock:
        quota = _shared_quotas.get(base_url)
        if quota is None:
            _shared_quotas[base_url] = quota = ExchangeQuota()
        return quota
