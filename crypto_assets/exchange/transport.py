"""HTTP to the exchange: one pooled session, what is worth asking again, and when."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from crypto_assets.addresses import escaping_hint, without_login
from crypto_assets.errors import Banned, ExchangeUnavailable, RateLimited, Transient, WrongUse
from crypto_assets.exchange.allowance import Allowance
from crypto_assets.exchange.answer import Answer
from crypto_assets.exchange.refusals import refusal

T = TypeVar("T")

_CONNECTIONS = 32


@dataclass(frozen=True)
class Patience:
    """How long to go on asking, in seconds.

    Between two attempts lies a random time of at most `first_wait`, doubled each time up to
    `longest_wait`; a 429 is waited out as the exchange says, unless that is over `longest_pause`.
    A request waits for its turn while the weight is spent, but not over `longest_turn`.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 8.0
    longest_pause: float = 180.0
    longest_turn: float = math.inf
    connect_timeout: float = 5.0
    read_timeout: float = 20.0


@dataclass(frozen=True)
class Inquiry:
    """A GET request: path under the base URL, query, request weight, statuses to read."""

    path: str
    query: Mapping[str, str | int]
    weight: int = 0
    statuses: Collection[int] = (200,)


class Transport:
    """GET requests under one base URL, safe for many threads.

    `allowance` is that of a server that counts weight; None of one that does not. `host` is the
    host that is connected to, with its port where that is not the scheme's own.
    """

    def __init__(
        self, base_url: str, patience: Patience | None = None, allowance: Allowance | None = None
    ) -> None:
        self._address = _checked_url(base_url)
        self.base_url = without_login(self._address)
        self.host = _host(self._address)
        self.allowance = allowance
        self._patience = patience or Patience()
        self._timeout = (self._patience.connect_timeout, self._patience.read_timeout)
        self._backoff = wait_random_exponential(
            multiplier=self._patience.first_wait, max=self._patience.longest_wait
        )
        self._session = _session(self._address)

    def get(self, inquiry: Inquiry, read: Callable[[Answer], T]) -> T:
        """What `read` makes of the answer; where it raises a Transient error, asked again.

        Raises ExchangeUnavailable or RateLimited when patience is spent, and at once Banned,
        Forbidden and RequestRejected.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(Transient),
            wait=self._wait,
            stop=self._is_enough,
            reraise=True,
        )
        found: T = retrying(self._once, inquiry, read)
        return found

    def _once(self, inquiry: Inquiry, read: Callable[[Answer], T]) -> T:
        allowance = self.allowance
        answer = self._weighed(allowance, inquiry) if allowance else self._send(inquiry)
        if answer.status in inquiry.statuses:
            return read(answer)
        error = refusal(answer)
        if allowance and isinstance(error, Banned):
            allowance.forbid(error)
        if allowance and isinstance(error, RateLimited):
            allowance.weight.pause(error.retry_after)
        raise error

    def _weighed(self, allowance: Allowance, inquiry: Inquiry) -> Answer:
        """Sends within the allowance, and keeps what the answer says of it."""
        allowance.demand()
        ticket = allowance.weight.reserve(inquiry.weight, self._patience.longest_turn)
        used = minute_left = None
        try:
            allowance.demand()  # another thread may have been banned while this one waited
            answer = self._send(inquiry)
            used, minute_left = answer.used_weight, answer.minute_left
            return answer
        finally:
            allowance.weight.settle(ticket, used, minute_left)

    def _send(self, inquiry: Inquiry) -> Answer:
        try:
            response = self._session.get(
                self._address + inquiry.path, params=inquiry.query, timeout=self._timeout
            )
        except requests.RequestException as error:
            raise ExchangeUnavailable(
                f"{self.base_url}{inquiry.path} does not answer ({_reason(error)}): "
                "is the network up and the exchange's address right?"
            ) from error
        # As people read it: a symbol of another script is three times as long percent-encoded.
        url = unquote(without_login(response.url))
        return Answer(url, response.status_code, response.headers, response.content)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return error.retry_after if isinstance(error, RateLimited) else self._backoff(state)

    def _is_enough(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RateLimited) and error.retry_after > self._patience.longest_pause:
            return True
        return state.attempt_number >= self._patience.attempts


def _session(base_url: str) -> requests.Session:
    """Pooled connections, by the proxy and certificates that the system has for this address."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_CONNECTIONS))
    # Found out once: requests would search the environment again at each request.
    found = session.merge_environment_settings(base_url, {}, None, None, None)
    session.proxies, session.verify = found["proxies"], found["verify"]
    session.trust_env = False
    return session


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and bool(_host(url))
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in url):
        shown = without_login(url)
        raise WrongUse(
            f"{shown!r} is no address of an exchange: it begins with https:// or http://"
            f"{escaping_hint(url)}"
        )
    return url.rstrip("/")


def _host(url: str) -> str:
    """The host of a URL as requests connects to it, whatever another reader makes of the URL."""
    parts = urlsplit(str(requests.Request("GET", url).prepare().url))
    name = (parts.hostname or "").removesuffix(".")
    name = f"[{name}]" if ":" in name else name
    own = {"http": 80, "https": 443}.get(parts.scheme)
    return name if parts.port in {None, own} else f"{name}:{parts.port}"


def _reason(error: BaseException) -> str:
    """The innermost cause, in few words: the libraries wrap it several times."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    said = error.strerror if isinstance(error, OSError) else None
    return said or without_login(str(error))
