"""The docs page of the simulated exchange lists all endpoints and intervals."""

import re

from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.exchange.simulated.market_data import ENDPOINTS
from crypto_assets_tests.project.repository import text

_PAGE = "docs/simulated-exchange.md"


def test_every_endpoint_is_listed_with_its_weight() -> None:
    table = text(_PAGE).split("<!-- endpoints: begin -->")[1].split("<!-- endpoints: end -->")[0]
    listed = dict(re.findall(r"^\| `(/[\w/]+)` \| (.+?) \|", table, re.MULTILINE))
    assert listed.keys() == ENDPOINTS.keys()
    for path, weights in listed.items():
        one = ENDPOINTS[path].compute_weight({"symbol": "BTCUSDT"})
        assert str(one) in re.findall(r"\d+", weights), path


def test_every_interval_is_listed() -> None:
    assert f"`{' '.join(KlineInterval)}`" in text(_PAGE)
