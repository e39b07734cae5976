"""Which exchange answers: warehouse and lake belong to one and must not be fed by another."""

from urllib.parse import urlsplit

from crypto_assets.exchange.answer import Answer
from crypto_assets.exchange.transport import Inquiry, Transport

# A simulated exchange says in this header of every answer what candles it serves.
ORIGIN_HEADER = "X-Simulated-Exchange"


def identity_of(transport: Transport, path: str) -> str:
    """ "binance", "binance.us", "simulated:<origin>", or the host's name of any other.

    `path` is one that the server answers cheaply, if with 404; a known host is not asked.
    """
    host = urlsplit(transport.base_url).hostname or ""
    if _is_of(host, "binance.com") or _is_of(host, "binance.vision"):
        return "binance"
    if _is_of(host, "binance.us"):
        return "binance.us"
    origin = transport.get(Inquiry(path, {}, 1, statuses=(200, 404)), _origin)
    return f"simulated:{origin}" if origin else host


def _origin(answer: Answer) -> str:
    return answer.headers.get(ORIGIN_HEADER, "")


def _is_of(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
