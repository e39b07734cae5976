"""The archive's listing: S3's ListObjects over the keys of the files that have appeared.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote
from xml.sax.saxutils import escape

from crypto_assets.exchange.simulated.archive_period import (
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
    """The parameters of ListObjects; `url_encoded` as `encoding-type=url` asks."""

    prefix: str = ""
    delimiter: str = ""
    marker: str = ""
    max_keys: int = MAX_KEYS
    url_encoded: bool = False


def list_objects(exchange: SimulatedExchange, asked: ListingRequest) -> bytes:
    """The answer as XML: keys, and common prefixes up to the delimiter, in the order of keys."""
    found = list(islice(_iterate_entries(exchange, asked), asked.max_keys + 1))
    truncated = len(found) > asked.max_keys > 0
    found = found[: asked.max_keys]
    text = quote if asked.url_encoded else escape
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
        f"<Name>{BUCKET}</Name>",
        f"<Prefix>{text(asked.prefix)}</Prefix>",
        f"<Marker>{text(asked.marker)}</Marker>",
        f"<NextMarker>{text(str(found[-1]))}</NextMarker>"
        if truncated and found and asked.delimiter
        else "",
        f"<MaxKeys>{asked.max_keys}</MaxKeys>",
        f"<Delimiter>{text(asked.delimiter)}</Delimiter>" if asked.delimiter else "",
        "<EncodingType>url</EncodingType>" if asked.url_encoded else "",
        f"<IsTruncated>{'true' if truncated else 'false'}</IsTruncated>",
        *(
            _format_contents(exchange, key, text(str(key)))
            for key in found
            if not isinstance(key, str)
        ),
        *(
            f"<CommonPrefixes><Prefix>{text(one)}</Prefix></CommonPrefixes>"
            for one in found
            if isinstance(one, str)
        ),
        "</ListBucketResult>",
    ]
    return "".join(parts).encode()


def _format_contents(exchange: SimulatedExchange, key: ArchiveKey, name: str) -> str:
    content = exchange.get_archive_file(key) or b""
    appeared = from_epoch_ms(exchange.get_archive_time(key)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return (
        f"<Contents><Key>{name}</Key><LastModified>{appeared}</LastModified>"
        f"<ETag>&quot;{digest}&quot;</ETag><Size>{len(content)}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )


def _iterate_entries(
    exchange: SimulatedExchange, asked: ListingRequest
) -> Iterator[str | ArchiveKey]:
    """Yield keys, and common prefixes as text, beyond the marker, ascending."""
    latest = asked.marker
    for kind, symbol, interval in _iterate_folders(exchange):
        place = build_folder_path(kind, symbol, interval)
        group = _find_common_prefix(place, asked)
        if not _may_match(place, asked) or (group is not None and group <= latest):
            continue
        for key in exchange.list_archive_keys(kind, symbol, interval):
            name = str(key)
            if name <= asked.marker or not name.startswith(asked.prefix):
                continue
            if exchange.get_archive_file(key) is None:
                continue
            whole = _find_common_prefix(name, asked)
            if whole is None:
                yield key
            elif whole > latest:
                latest = whole
                yield whole
            if group is not None:
                break  # one key is enough to know that the prefix is there


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


def _may_match(place: str, asked: ListingRequest) -> bool:
    """Whether a folder can hold keys of the prefix beyond the marker."""
    fits = place.startswith(asked.prefix) or asked.prefix.startswith(place)
    return fits and (asked.marker < place or asked.marker.startswith(place))


def _find_common_prefix(text: str, asked: ListingRequest) -> str | None:
    """The common prefix under which a key, or all keys of a folder, are rolled up, if any."""
    if not asked.delimiter or not text.startswith(asked.prefix):
        return None
    head, found, _ = text[len(asked.prefix) :].partition(asked.delimiter)
    return asked.prefix + head + found if found else None
