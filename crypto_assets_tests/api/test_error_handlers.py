"""Each error becomes a response with a status, a one-line detail and possibly Retry-After."""

from collections.abc import Iterator

import pytest
import requests
from fastapi import FastAPI

from crypto_assets import errors
from crypto_assets.api.error_handlers import add_error_handlers
from crypto_assets.errors import CryptoAssetsError, TransientError
from crypto_assets.http_server import serve_in_thread
from crypto_assets.market.utc_time import from_epoch_ms

SPECIAL = {
    "RateLimited": lambda: errors.RateLimited("weight is spent", 3.0),
    "ExchangeBanned": lambda: errors.ExchangeBanned("banned for a while", from_epoch_ms(0)),
    "RequestRejected": lambda: errors.RequestRejected("a bad parameter", -1100),
}
STATUSES = {
    "UnknownSymbol": 404,
    "UnknownProvider": 404,
    "UnknownTarget": 404,
    "WrongUse": 422,
    "ForeignExchange": 409,
}


def kinds(base: type = CryptoAssetsError) -> Iterator[type[CryptoAssetsError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


NAMES = sorted({kind.__name__ for kind in kinds()} - {"TransientError"})


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An app that raises the error named in the path."""
    app = FastAPI()
    add_error_handlers(app)

    @app.get("/{name}")
    def fail(name: str) -> None:
        make = SPECIAL.get(name) or (lambda: getattr(errors, name)("what happened\nand what to do"))
        raise make()

    with serve_in_thread(app) as served:
        yield served


@pytest.mark.parametrize("name", NAMES)
def test_errors_become_responses(url: str, name: str) -> None:
    answer = requests.get(f"{url}/{name}", timeout=9)
    expected = STATUSES.get(name, 503)
    assert answer.status_code == expected
    detail = answer.json()["detail"]
    assert detail and "\n" not in detail
    again = issubclass(getattr(errors, name), TransientError)
    assert ("Retry-After" in answer.headers) == again
    assert answer.headers["Cache-Control"] == "no-store"
