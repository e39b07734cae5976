"""The archive's listing: S3's ListObjects over the keys of the published files.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import islice
from urllib.parse import quote

from crypto_assets.exchange.simulated.archive_keys import (
    ArchiveKey,
    ArchiveKind,
    build_folder_path,
    format_archive_interval,
    list_archive_intervals,
)
from crypto_assets.exchange.simulated.exchange import SimulatedExchange
from crypto_assets.exchange.simulated.kline_interval import KlineInterval
from crypto_assets.market.utc_time import from_epoch_ms

BUCKET = "data.binance.vision"
MAX_KEYS = 1000


@dataclass(frozen=True)
class ListingRequest:
    """The parameters of ListObjects; `url_encoded` is `encoding-type=url`."""

    prefix: str = ""
    delimiter: str = ""
    marker: str = ""
    max_keys: int = MAX_KEYS
    url_encoded: bool = False


def list_objects(exchange: SimulatedExchange, request: ListingRequest) -> bytes:
    """Return the response as XML: keys and common prefixes in the order of keys."""
    entries = list(islice(_iterate_entries(exchange, request), request.max_keys + 1))
    truncated = len(entries) > request.max_keys > 0
    entries = entries[: request.max_keys]
    text = quote if request.url_encoded else escape
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
        f"<Name>{BUCKET}</Name>",
        f"<Prefix>{text(request.prefix)}</Prefix>",
        f"<Marker>{text(request.marker)}</Marker>",
        f"<NextMarker>{text(str(entries[-1]))}</NextMarker>"
        if truncated and entries and request.delimiter
        else "",
        f"<MaxKeys>{request.max_keys}</MaxKeys>",
        f"<Delimiter>{text(request.delimiter)}</Delimiter>" if request.delimiter else "",
        "<EncodingType>url</EncodingType>" if request.url_encoded else "",
        f"<IsTruncated>{'true' if truncated else 'false'}</IsTruncated>",
        *(
            _format_contents(exchange, key, text(str(key)))
            for key in entries
            if not isinstance(key, str)
        ),
        *(
            f"<CommonPrefixes><Prefix>{text(key)}</Prefix></CommonPrefixes>"
            for key in entries
            if isinstance(key, str)
        ),
        "</ListBucketResult>",
    ]
    return "".join(parts).encode()


def _format_contents(exchange: SimulatedExchange, key: ArchiveKey, name: str) -> str:
    content = exchange.get_archive_file(key) or b""
    published_at = from_epoch_ms(exchange.get_archive_time(key)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return (
        f"<Contents><Key>{name}</Key><LastModified>{published_at}</LastModified>"
        f"<ETag>&quot;{digest}&quot;</ETag><Size>{len(content)}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def _iterate_entries(
    exchange: SimulatedExchange, request: ListingRequest
) -> Iterator[str | ArchiveKey]:
    """Yield keys, and common prefixes as text, after the marker, ascending."""
    latest = request.marker
    for kind, symbol, interval in _iterate_folders(exchange):
        place = build_folder_path(kind, symbol, interval)
        group = _find_common_prefix(place, request)
        if not _may_match(place, request) or (group is not None and group <= latest):
            continue
        for key in exchange.list_archive_keys(kind, symbol, interval):
            name = str(key)
            if name <= request.marker or not name.startswith(request.prefix):
                continue
            if exchange.get_archive_file(key) is None:
                continue
            whole = _find_common_prefix(name, request)
            if whole is None:
                yield key
            elif whole > latest:
                latest = whole
                yield whole
            if group is not None:
                break  # one key proves that the prefix exists


def _iterate_folders(
    exchange: SimulatedExchange,
) -> Iterator[tuple[ArchiveKind, str, KlineInterval]]:
    """Yield all folders in the order of their keys."""
    symbols = sorted((listing.symbol for listing in exchange.list_symbols()), key=lambda s: f"{s}/")
    for kind in ArchiveKind:
        intervals = sorted(
            list_archive_intervals(kind), key=lambda one: f"{format_archive_interval(one)}/"
        )
        for symbol in symbols:
            for interval in intervals:
                yield kind, symbol, interval


def _may_match(place: str, request: ListingRequest) -> bool:
    """Return whether a folder can contain keys of the prefix after the marker."""
    fits = place.startswith(request.prefix) or request.prefix.startswith(place)
    return fits and (request.marker < place or request.marker.startswith(place))


def _find_common_prefix(text: str, request: ListingRequest) -> str | None:
    """Return the common prefix of a key, or of all keys of a folder, if it has one."""
    if not request.delimiter or not text.startswith(request.prefix):
        return None
    head, found, _ = text[len(request.prefix) :].partition(request.delimiter)
    return request.prefix + head + found if found else None
