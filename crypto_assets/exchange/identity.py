"""The identity of an exchange. Warehouse and lakes belong to one exchange and refuse any other.

An identity is "binance", "binance.us", "simulated:…", or the host of any other server, with its
port where that is not the default of the scheme.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from crypto_assets.errors import ForeignExchange
from crypto_assets.exchange.recording import RecordedFile, Recording
from crypto_assets.exchange.response import (
    ExchangeResponse,
    malformed_response_error,
    parse_json_object,
)
from crypto_assets.exchange.retrying_transport import ExchangeRequest, ExchangeTransport, find_host
from crypto_assets.http_client import REQUEST_ERRORS

# The simulated exchange sends this header with every response; its value identifies the candles.
ORIGIN_HEADER = "X-Simulated-Exchange"

# Exact hosts: a test network and the futures API are other exchanges.
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
# Any other host of these domains is a separate exchange, never a mirror.
_DOMAINS = ("binance.com", "binance.vision", "binance.us")

_SIMULATED = "simulated:"
# The identity that earlier versions gave every recording.
_UNNAMED_RECORDING = "simulated:recorded"


def detect_identity(
    transport: ExchangeTransport, path: str, statuses: Collection[int] = (200, 404)
) -> str:
    """Return the identity of the server behind `transport`.

    Sends a GET request for `path`, whose response must have one of `statuses`, unless the host
    belongs to the exchange's own domains.
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
    """Return whether the identity is only a host: the server sent none, as a static mirror does."""
    return (
        identity not in _KNOWN_HOSTS.values()
        and not identity.startswith(_SIMULATED)
        and not _is_exchange_host(identity)
    )


def is_hidden_recording(hidden: str, identity: str) -> bool:
    """Return whether `hidden` is the digest of the recording whose files `identity` lists."""
    recording = Recording.parse_identity(identity)
    return recording is not None and hidden == recording.digest_identity


def is_earlier_name(earlier: str, current: str) -> bool:
    """Return whether an earlier version of this program gave `current` the identity `earlier`.

    Earlier versions called every recording "recorded", omitted the port of an unknown host, and
    copied a host from the settings: in Unicode, or with a trailing dot.
    """
    if Recording.parse_identity(current):
        return earlier == _UNNAMED_RECORDING
    if earlier.startswith(_SIMULATED) or earlier in _KNOWN_HOSTS.values():
        return False
    try:
        # Identities of earlier versions have no port, so a colon means an IPv6 address.
        host = find_host(f"http://[{earlier}]" if ":" in earlier else f"http://{earlier}")
    except (*REQUEST_ERRORS, ValueError):
        return False
    if _KNOWN_HOSTS.get(host, host) == current:
        return True
    return is_unnamed_server(current) and urlsplit(f"//{current}").hostname == host.strip("[]")


def continue_recording(
    stored: Recording, served: Recording, transport: ExchangeTransport
) -> Recording:
    """Return the files of a stored recording and of its continuation on the server.

    Files may be added, removed and extended at their end. In each file of both recordings, the
    server must still serve the earlier candles. Raises ForeignExchange where it does not.
    """
    shared = sorted(
        name for name in stored.files.keys() & served.files.keys() if stored.files[name].rows
    )
    if not shared:
        raise _build_mismatch_error(transport, f"it does not contain {_format_names(stored.files)}")
    for name in shared:
        before, now = stored.files[name], served.files[name]
        if now.rows < before.rows:
            raise _build_mismatch_error(
                transport,
                f"{name} has {now.rows} candles, fewer than the earlier {before.rows}",
            )
        if now.rows > before.rows:
            now = _fetch_first_rows(transport, name, before.rows)
        if now.digest != before.digest:
            raise _build_mismatch_error(
                transport, f"the first {before.rows} candles of {name} differ from the stored ones"
            )
    return Recording({**stored.files, **served.files})


def _build_mismatch_error(transport: ExchangeTransport, difference: str) -> ForeignExchange:
    return ForeignExchange(
        f"{transport.base_url} serves a recording that differs from the stored one: {difference}. "
        "Serve the stored recording, which may grow at its end, or set another CRYPTO_HOME"
    )


def _format_names(names: dict[str, RecordedFile], most: int = 5) -> str:
    """Return the first few names in order."""
    shown = sorted(names)[:most]
    return ", ".join(shown) + (" …" if len(names) > most else "")


def _is_exchange_host(host: str) -> bool:
    name = host.partition(":")[0]
    return any(name == domain or name.endswith(f".{domain}") for domain in _DOMAINS)


def _get_origin(response: ExchangeResponse) -> str:
    return response.headers.get(ORIGIN_HEADER, "")


def _fetch_recording(transport: ExchangeTransport) -> Recording | None:
    """Return the files of a simulated exchange, or None where a proxy hides the list."""

    def parse_recording(response: ExchangeResponse) -> Recording | None:
        if response.status == 404:
            return None
        files = parse_json_object(response, "files")["files"]
        try:
            recording = Recording({name: RecordedFile(**files[name]) for name in files})
            if Recording.parse_identity(recording.identity) == recording:
                return recording
        except (TypeError, ValueError):
            pass
        raise malformed_response_error(response, "not a recording")

    return transport.get(
        ExchangeRequest("/simulated/recording", {}, statuses=(200, 404)), parse_recording
    )


def _fetch_first_rows(transport: ExchangeTransport, name: str, rows: int) -> RecordedFile:
    """Return the first candles of a file with the digest that the server computes."""

    def parse_digest(response: ExchangeResponse) -> RecordedFile:
        return RecordedFile(rows, str(parse_json_object(response, "digest")["digest"]))

    return transport.get(
        ExchangeRequest("/simulated/recording", {"file": name, "rows": rows}), parse_digest
    )
