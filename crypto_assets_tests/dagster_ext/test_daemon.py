"""The entry of Dagster's daemon: its log."""

import logging
from collections.abc import Iterator

import pytest

from crypto_assets.dagster_ext import daemon


@pytest.fixture
def own_logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("crypto_assets")
    before = list(logger.handlers)
    yield logger
    logger.handlers[:] = before


def test_each_line_of_dagster_is_logged_once(own_logger: logging.Logger) -> None:
    """Dagster's loggers have handlers, and pass each record on to those of the root."""
    before = list(logging.getLogger().handlers)
    daemon._configure_own_logs()
    assert logging.getLogger().handlers == before
    assert own_logger.handlers
