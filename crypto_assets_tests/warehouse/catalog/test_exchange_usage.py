"""What runs have used of the exchange's rate limit: sums over processes."""

from concurrent.futures import ThreadPoolExecutor

from crypto_assets.market.exchange_usage import ExchangeUsage
from crypto_assets.warehouse import Warehouse


def test_usages_of_runs_are_added_by_run_class(warehouse: Warehouse) -> None:
    assert warehouse.exchange_usage.read_totals() == {}
    used = ExchangeUsage(requests=2, weight=7, rate_limits=1, bans=3, wait_seconds=0.5)
    warehouse.exchange_usage.add_usage("tick", used)
    warehouse.exchange_usage.add_usage("tick", used)
    warehouse.exchange_usage.add_usage("backfill", ExchangeUsage(weight=1))
    assert warehouse.exchange_usage.read_totals() == {
        "tick": ExchangeUsage(4, 14, 2, 6, 1.0),
        "backfill": ExchangeUsage(weight=1),
    }


def test_runs_that_end_at_once_lose_nothing(warehouse: Warehouse) -> None:
    """Also for the first row of a run class, which two may insert."""
    with ThreadPoolExecutor(4) as pool:
        for added in [
            pool.submit(warehouse.exchange_usage.add_usage, "tick", ExchangeUsage(1, 2))
            for _ in range(24)
        ]:
            added.result()
    assert warehouse.exchange_usage.read_totals() == {"tick": ExchangeUsage(24, 48)}


def test_the_figures_are_no_setting_and_in_no_audit_log(warehouse: Warehouse) -> None:
    warehouse.exchange_usage.add_usage("tick", ExchangeUsage(1, 2))
    assert warehouse.app_settings.get_all_values() == {}
    assert warehouse.app_settings.list_changes() == []
