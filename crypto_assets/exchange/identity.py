"""Which exchange answers: a warehouse and a lake belong to one and take no other's candles.

An identity is one line of text: "binance", "binance.us", "simulated:…", or the host of any other
server, with its port where that is not the scheme's own.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Self
from urllib.parse import urlsplit

import orjson

from crypto_assets.errors import ForeignExchange
from crypto_assets.exchange.response import ExchangeResponse
from crypto_assets.exchange.response_parsing import malformed_response_error, parse_json_object
from crypto_assets.exchange.transport import ExchangeRequest, ExchangeTransport, find_host
from crypto_assets.http_client import REQUEST_ERRORS
from crypto_assets.market.exchange_name import RECORDED_PREFIX

# A simulated exchange names in this header of every answer the candles that it serves.
ORIGIN_HEADER = "X-Simulated-Exchange"

# Exact hosts: a test network or the futures API beside them is another exchange.
# https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-api-information
_KNOWN_HOSTS = {
    "api.binance.com": "binance",
    "api-gcp.binance.com": "binance",
    "api1.binance.com": "binance",
    "api2.binance.com": "binance",
    "api3.binance.com": "binance",
    "api4.binance.com": "binance",
    "data-api.binance.vision": "binance",
    "data.binance.vision": "binance",
    "api.binance.us": "binance.us",
    "data.binance.us": "binance.us",
}
# A host under these names an exchange of its own and is never a mirror of another.
_DOMAINS = ("binance.com", "binance.vision", "binance.us")

_SIMULATED = "simulated:"
# What every recording was called before its content named it.
_UNNAMED_RECORDING = "simulated:recorded"
# Hexadecimal digits of the SHA-256 that a simulated exchange gives in place of its files.
_DIGITS = 16


@dataclass(frozen=True)
class RecordedFile:
    """One file of a simulated exchange's recording: its number of candles and their digest."""

    rows: int
    digest: str


@dataclass(frozen=True)
class Recording:
    """What a simulated exchange serves of recorded candles, by file name (`BTCUSDT-1m`)."""

    files: dict[str, RecordedFile]

    @classmethod
    def parse_identity(cls, identity: str) -> Self | None:
        """The recording whose files an identity lists, or None where it lists none.

        A recording is known by the digest of all its files alone where they could not be asked for.
        """
        if not identity.startswith(RECORDED_PREFIX):
            return None
        parts = (part.rsplit(":", 2) for part in identity.removeprefix(RECORDED_PREFIX).split(","))
        try:
            return cls({name: RecordedFile(int(rows), digest) for name, rows, digest in parts})
        except ValueError:
            return None

    @property
    def identity(self) -> str:
        files = sorted(self.files.items())
        return RECORDED_PREFIX + ",".join(
            f"{name}:{file.rows}:{file.digest}" for name, file in files
        )

    @property
    def digest_identity(self) -> str:
        """The identity of a server that serves it and whose list of files is hidden."""
        files = {name: {"rows": f.rows, "digest": f.digest} for name, f in self.files.items()}
        said = orjson.dumps(files, option=orjson.OPT_SORT_KEYS)
        return RECORDED_PREFIX + sha256(said).hexdigest()[:_DIGITS]


def detect_identity(
    transport: ExchangeTransport, path: str, statuses: Collection[int] = (200, 404)
) -> str:
    """The identity of the server behind `transport`.

    `path` is one that the server answers cheaply, with one of `statuses`; a host of the exchange's
    own domains is not asked.
    """
    host = transport.host
    if host in _KNOWN_HOSTS:
        return _KNOWN_HOSTS[host]
    if _is_exchange_host(host):
        return host
    origin = transport.get(ExchangeRequest(path, {}, 1, statuses), _get_origin)
    if not origin:
        return host
    recording = _fetch_recording(transport) if origin.startswith("recorded=") else None
    return recording.identity if recording else f"{_SIMULATED}{origin}"


def is_unnamed_server(identity: str) -> bool:
    """Whether the server said nothing of whose candles it has, as a static mirror does."""
    return (
        identity not in _KNOWN_HOSTS.values()
        and not identity.startswith(_SIMULATED)
        and not _is_exchange_host(identity)
    )


def is_hidden_recording(hidden: str, identity: str) -> bool:
    """Whether `identity` is a recording by its files, and `hidden` the same one by its digest."""
    recording = Recording.parse_identity(identity)
    return recording is not None and hidden == recording.digest_identity


def is_earlier_name(earlier: str, current: str) -> bool:
    """Whether an earlier version of this program gave `current` the identity `earlier`.

    It called every recording "recorded", left the port out of an unknown host, and wrote a host as
    the settings did: in Unicode, or with a final dot.
    """
    if Recording.parse_identity(current):
        return earlier == _UNNAMED_RECORDING
    if earlier.startswith(_SIMULATED) or earlier in _KNOWN_HOSTS.values():
        return False
    try:
        # Only an IPv6 address has colons where there is no port.
        host = find_host(f"http://[{earlier}]" if ":" in earlier else f"http://{earlier}")
    except (*REQUEST_ERRORS, ValueError):
        return False
    if _KNOWN_HOSTS.get(host, host) == current:
        return True
    return is_unnamed_server(current) and urlsplit(f"//{current}").hostname == host.strip("[]")


def continue_recording(
    held: Recording, served: Recording, transport: ExchangeTransport
) -> Recording:
    """What is known of a recording once the server of `transport` has continued it.

    Candles may follow the last ones of a file and files may come and go, but in each file that
    both have, the candles that were served before must be served again. Raises ForeignExchange.
    """
    shared = sorted(
        name for name in held.files.keys() & served.files.keys() if held.files[name].rows
    )
    if not shared:
        raise _build_mismatch_error(transport, f"it has none of {_format_names(held.files)}")
    for name in shared:
        before, now = held.files[name], served.files[name]
        if now.rows < before.rows:
            raise _build_mismatch_error(
                transport, f"{name} has {now.rows} candles, where {before.rows} were served before"
            )
        if now.rows > before.rows:
            now = _fetch_first_rows(transport, name, before.rows)
        if now.digest != before.digest:
            raise _build_mismatch_error(
                transport, f"the first {before.rows} candles of {name} differ from those before"
            )
    return Recording({**held.files, **served.files})


def _build_mismatch_error(transport: ExchangeTransport, difference: str) -> ForeignExchange:
    return ForeignExchange(
        f"{transport.base_url} serves another recording than the one that was collected: "
        f"{difference}. Serve that one, which may grow at its end, or set another CRYPTO_HOME"
    )


def _format_names(names: dict[str, RecordedFile], most: int = 5) -> str:
    """The first few names, in order."""
    shown = sorted(names)[:most]
    return ", ".join(shown) + (" …" if len(names) > most else "")


def _is_exchange_host(host: str) -> bool:
    name = host.partition(":")[0]
    return any(name == domain or name.endswith(f".{domain}") for domain in _DOMAINS)


def _get_origin(answer: ExchangeResponse) -> str:
    return answer.headers.get(ORIGIN_HEADER, "")


def _fetch_recording(transport: ExchangeTransport) -> Recording | None:
    """The files that a simulated exchange serves; None where something before it hides them."""

    def parse_recording(answer: ExchangeResponse) -> Recording | None:
        if answer.status == 404:
            return None
        files = parse_json_object(answer, "files")["files"]
        try:
            recording = Recording({name: RecordedFile(**files[name]) for name in files})
            if Recording.parse_identity(recording.identity) == recording:
                return recording
        except (TypeError, ValueError):
            pass
        raise malformed_response_error(answer, "no recording")

    return transport.get(
        ExchangeRequest("/simulated/recording", {}, statuses=(200, 404)), parse_recording
    )


def _fetch_first_rows(transport: ExchangeTransport, name: str, rows: int) -> RecordedFile:
    """A file's first candles, digested by the server that has them all."""

    def parse_digest(answer: ExchangeResponse) -> RecordedFile:
        return RecordedFile(rows, str(parse_json_object(answer, "digest")["digest"]))

    return transport.get(
        ExchangeRequest("/simulated/recording", {"file": name, "rows": rows}), parse_digest
    )
