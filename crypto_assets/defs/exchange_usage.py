"""Records in the warehouse what a run uses of the exchange's rate limit, by run class."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import dagster as dg

from crypto_assets.background import repeat_in_background
from crypto_assets.errors import CryptoAssetsError
from crypto_assets.exchange.usage_meter import usage_meter
from crypto_assets.market.exchange_usage import ExchangeUsage
from crypto_assets.orchestrator.run_queue import RUN_CLASS_TAG, RunClass
from crypto_assets.warehouse import Warehouse

_RECORD_SECONDS = 15.0
_JOIN_SECONDS = 30.0
_log = logging.getLogger(__name__)


@contextmanager
def record_exchange_usage(warehouse: Warehouse, run: dg.DagsterRun | None) -> Iterator[None]:
    """Record what is used within the `with` block: every 15 seconds, since a run may take hours.

    Without a run, as in a sensor, nothing is recorded.
    """
    if run is None:
        yield
        return
    run_class = run.tags.get(RUN_CLASS_TAG, RunClass.MANUAL.value)
    usage_meter.take_usage()
    work = partial(_record, warehouse, run_class)
    with repeat_in_background(work, _RECORD_SECONDS, _JOIN_SECONDS):
        yield


def _record(warehouse: Warehouse, run_class: str) -> None:
    usage = usage_meter.take_usage()
    if usage == ExchangeUsage():
        return
    try:
        warehouse.exchange_usage.add_usage(run_class, usage)
    except CryptoAssetsError as error:
        usage_meter.add_usage(usage)
        _log.warning("the use of the exchange's rate limit is not recorded: %s", error)
