"""The rate limit: even over time, separate per client, bounded in memory."""

from pathlib import Path

from crypto_assets.api import rate_limit
from crypto_assets.api.rate_limit import RequestAllowance
from crypto_assets.warehouse import Warehouse
from crypto_assets_tests.api.serving import create_context, serve_api
from crypto_assets_tests.warehouse.minutes import track


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate_applies() -> None:
    clock = Clock()
    allowance = RequestAllowance(60, clock)
    taken = 0
    while not allowance.reserve_request("a"):
        taken += 1
    assert taken == 16  # requests of fifteen seconds, and one more
    assert 0 < allowance.reserve_request("a") <= 1
    for _ in range(30):
        clock.now += 1
        assert allowance.reserve_request("a") == 0
        assert allowance.reserve_request("a") > 0


def test_the_reported_wait_is_necessary_and_sufficient() -> None:
    clock = Clock()
    allowance = RequestAllowance(60, clock)
    while not (seconds := allowance.reserve_request("a")):
        pass
    clock.now += seconds / 2
    assert allowance.reserve_request("a") > 0
    clock.now += seconds / 2 + 1e-6
    assert allowance.reserve_request("a") == 0


def test_clients_have_separate_limits() -> None:
    allowance = RequestAllowance(1, Clock())
    while not allowance.reserve_request("a"):
        pass
    assert allowance.reserve_request("b") == 0


def test_many_clients_use_bounded_memory() -> None:
    clock = Clock()
    allowance = RequestAllowance(60, clock)
    for n in range(3 * rate_limit._MAX_CLIENTS):
        assert allowance.reserve_request(str(n)) == 0
        clock.now += 0.0001
    assert len(allowance._full_at) <= rate_limit._MAX_CLIENTS


def test_over_http_the_limit_is_a_429_with_retry_after(tmp_path: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'warehouse.db'}")
    warehouse.migrate_schema()
    track(warehouse)
    page = "https://a.example"
    with serve_api(create_context(warehouse, tmp_path), cors_origins=(page,), rate=4) as api:
        origin = {"Origin": page}
        answers = [api.get("/api/symbols", headers=origin) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        refused = answers[-1]
        assert refused.json()["detail"].startswith("more than 4 requests a minute: wait ")
        assert 1 <= int(refused.headers["Retry-After"]) <= 15
        assert refused.headers["Access-Control-Allow-Origin"] == page
        assert [api.get("/health/live").status_code for _ in range(9)] == [200] * 9
